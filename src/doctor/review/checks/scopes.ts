import { scopesForTool } from '../../../permission/scopes.ts'
import type { McpTool } from '../../probe/mcp-session.ts'
import { type Check, found, foundIf, notMade, PASSED } from '../finding.ts'
import { SECTION } from '../section.ts'
import {
  advertisedScopes,
  challengeParameter,
  isOpen,
  isReadOnly,
  type Seen,
  textsIn,
  toolsSeen,
} from '../seen.ts'

/** Do scopes separate what tools can do? */
const CATCH_ALL =
  /^(?:.*[:./])?(?:\*|all|any|admin|root|mcp|full|full[-_:]?access|everything|superuser|user_impersonation|default)$/i

const namesOf = (tools: readonly McpTool[]) => tools.map(({ name }) => name).join(', ')

export const SCOPE_CHECKS: Check[] = [
  {
    id: 'scopes.catch-all',
    title: 'A scope opens everything',
    severity: 'high',
    section: SECTION.scope_minimization,
    mend: 'Name scopes after what they open, and let the first one be the least that is useful.',
    judge(seen) {
      const scopes = advertisedScopes(seen)
      if (scopes.length === 0) return notMade('no scopes are advertised')
      const wide = scopes.filter((scope) => CATCH_ALL.test(scope))
      return foundIf(wide.length > 0, `advertised: ${wide.join(', ')}`)
    },
  },
  {
    id: 'scopes.single',
    title: 'One scope opens reading and destroying',
    severity: 'medium',
    section: SECTION.scope_minimization,
    mend: 'Separate scopes at least into reading, changing and destroying.',
    judge(seen) {
      const scopes = advertisedScopes(seen)
      const tools = toolsSeen(seen)
      if (tools.length === 0) return notMade('no tools were seen', '--token')
      if (textsIn(seen.metadata.document?.scopes_supported).length === 0)
        return notMade('the metadata names no scopes')
      const destructive = tools.filter((tool) => tool.destructive === true)
      return foundIf(
        scopes.length === 1 && destructive.length > 0 && tools.some((tool) => tool.read_only),
        `${scopes[0]} is the only scope, and ${namesOf(destructive)} can destroy`,
      )
    },
  },
  {
    id: 'scopes.offline-access',
    title: 'offline_access is advertised by the resource',
    severity: 'low',
    section: SECTION.scope_selection,
    mend: 'Leave offline_access to the authorization server: no resource needs it for any tool.',
    judge: (seen) =>
      foundIf(
        advertisedScopes(seen).includes('offline_access'),
        'offline_access is in the metadata of the resource or in its challenge',
      ),
  },
  {
    id: 'scopes.unmapped',
    title: 'A tool is in no scope',
    severity: 'high',
    section: SECTION.scope_minimization,
    mend: 'Put every tool under the scope that shall open it, or take it out of the server.',
    judge(seen) {
      const { catalogue } = seen.options
      if (!catalogue) return notMade('there is no catalogue', '--catalogue')
      const tools = toolsSeen(seen)
      if (tools.length === 0) return notMade('no tools were seen', '--token')
      const unmapped = tools.filter(({ name }) => scopesForTool(catalogue, name).length === 0)
      return foundIf(unmapped.length > 0, `in no scope of the catalogue: ${namesOf(unmapped)}`)
    },
  },
  {
    id: 'scopes.read-only-lists',
    title: 'A read-only token sees tools that change things',
    severity: 'high',
    section: SECTION.scope_minimization,
    mend: 'List only the tools that the token opens, and give read-only scopes only tools that read.',
    judge(seen) {
      const { read_only } = seen
      if (isOpen(seen)) return notMade('the server asks for no token')
      if (!read_only) return notMade('there is no read-only token', '--read-only-token')
      if (!read_only.tools) return notMade('the read-only token was refused', '--read-only-token')
      const changing = read_only.tools.filter((tool) => !isReadOnly(seen, tool))
      return foundIf(changing.length > 0, `listed for the read-only token: ${namesOf(changing)}`)
    },
  },
  {
    id: 'scopes.read-only-calls',
    title: 'A read-only token calls tools that change things',
    severity: 'critical',
    section: SECTION.scope_challenge,
    mend: 'Decide about every tools/call by the scopes of the token, not by what the list showed.',
    judge(seen) {
      const { read_only, read_only_call, options } = seen
      if (isOpen(seen)) return notMade('the server asks for no token')
      if (!read_only) return notMade('there is no read-only token', '--read-only-token')
      if (!options.active) return notMade('it would call a tool', '--active')
      if (!read_only_call)
        return notMade(
          'no tool is known that it must not call',
          '--token of somebody who may call more, or --catalogue',
        )
      const { said, tool } = read_only_call
      if (said.kind !== 'result') return PASSED
      const is_unclear = said.result.isError === true
      if (is_unclear) return notMade(`${tool} answered with an error that does not say who refused`)
      return found(`${tool} ran`)
    },
  },
  {
    id: 'scopes.everything-first',
    title: 'The first challenge asks for every scope at once',
    severity: 'low',
    section: SECTION.scope_minimization,
    mend: 'Ask for what reading needs first, and for more by a step-up challenge when a tool needs it.',
    judge(seen) {
      const supported = textsIn(seen.metadata.document?.scopes_supported)
      const asked = new Set(advertisedInChallenge(seen))
      if (asked.size === 0) return notMade('the challenge has no scope')
      return foundIf(
        supported.length > 2 && supported.every((scope) => asked.has(scope)),
        `the challenge names all ${supported.length} scopes`,
      )
    },
  },
]

function advertisedInChallenge(seen: Seen): string[] {
  return challengeParameter(seen, 'scope')?.split(' ').filter(Boolean) ?? []
}
