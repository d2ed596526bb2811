import { scopesForTool } from '../../permission/scopes.ts'
import type { McpTool } from '../crawl/mcp-session.ts'
import {
  challengedScopes,
  isReadOnly,
  metadataScopes,
  type ReviewCrawl,
  toolsListed,
} from '../crawl/review-crawl.ts'
import { notJudged, type Rule, rule, whereGuarded } from './rule.ts'
import { authorization, practice } from './section.ts'

/** Do scopes separate what tools can do? */
const CATCH_ALL =
  /^(?:.*[:./])?(?:\*|all|any|admin|root|mcp|full|full[-_:]?access|everything|superuser|user_impersonation|default)$/i

const namesOf = (tools: readonly McpTool[]) => tools.map(({ name }) => name).join(', ')

/** Scopes that the metadata or the challenge of the resource names. */
const advertisedScopes = (crawl: ReviewCrawl) => [
  ...new Set([...metadataScopes(crawl), ...challengedScopes(crawl)]),
]

export const SCOPE_RULES: Rule[] = [
  rule('scopes.catch-all', 'high', practice('scope-minimization'), {
    title: 'A scope allows everything',
    remediation: 'Name scopes after what they allow, and let the first one be the least that is useful.',
    judge(crawl) {
      const scopes = advertisedScopes(crawl)
      if (scopes.length === 0) return notJudged('no scopes are advertised')
      const wide = scopes.filter((scope) => CATCH_ALL.test(scope))
      return wide.length > 0 && `advertised: ${wide.join(', ')}`
    },
  }),
  rule('scopes.single', 'medium', practice('scope-minimization'), {
    title: 'One scope allows reading and destroying',
    remediation: 'Separate scopes at least into reading, changing and destroying.',
    judge(crawl) {
      const scopes = advertisedScopes(crawl)
      const tools = toolsListed(crawl, crawl.active)
      if (tools.length === 0) return notJudged('no tools were seen', '--token')
      if (metadataScopes(crawl).length === 0) return notJudged('the metadata names no scopes')
      const destructive = tools.filter((tool) => tool.destructive === true)
      return (
        scopes.length === 1 &&
        destructive.length > 0 &&
        tools.some((tool) => tool.read_only) &&
        `${scopes[0]} is the only scope, and ${namesOf(destructive)} can destroy`
      )
    },
  }),
  rule('scopes.offline-access', 'low', authorization('scope-selection-strategy'), {
    title: 'offline_access is advertised by the resource',
    remediation: 'Leave offline_access to the authorization server: no resource needs it for any tool.',
    judge: (crawl) =>
      advertisedScopes(crawl).includes('offline_access') &&
      'offline_access is in the metadata of the resource or in its challenge',
  }),
  rule('scopes.unmapped', 'high', practice('scope-minimization'), {
    title: 'A tool is in no scope',
    remediation: 'Put every tool under the scope that shall allow it, or take it out of the server.',
    judge(crawl) {
      const { catalogue } = crawl.options
      if (!catalogue) return notJudged('there is no catalogue', '--catalogue')
      const tools = toolsListed(crawl, crawl.active)
      if (tools.length === 0) return notJudged('no tools were seen', '--token')
      const unmapped = tools.filter(({ name }) => scopesForTool(catalogue, name).length === 0)
      return unmapped.length > 0 && `in no scope of the catalogue: ${namesOf(unmapped)}`
    },
  }),
  rule('scopes.read-only-lists', 'high', practice('scope-minimization'), {
    title: 'A read-only token sees tools that change things',
    remediation: 'List only the tools that the token allows, and give read-only scopes only tools that read.',
    judge: whereGuarded((crawl) => {
      const { read_only } = crawl
      if (!read_only) return notJudged('there is no read-only token', '--read-only-token')
      if (!read_only.tools) return notJudged('the read-only token was refused', '--read-only-token')
      const changing = read_only.tools.filter((tool) => !isReadOnly(crawl, tool))
      return changing.length > 0 && `listed for the read-only token: ${namesOf(changing)}`
    }),
  }),
  rule('scopes.read-only-calls', 'critical', authorization('scope-challenge-handling'), {
    title: 'A read-only token calls tools that change things',
    remediation: 'Decide about every tools/call by the scopes of the token, not by what the list showed.',
    judge: whereGuarded(({ read_only, active }) => {
      if (!read_only) return notJudged('there is no read-only token', '--read-only-token')
      if (!active) return notJudged('it would call a tool', '--active')
      const missing = '--token of an account that may call more, or --catalogue'
      if (!active.read_only_call) return notJudged('no tool is known that it must not call', missing)
      const { rpc, tool } = active.read_only_call
      if (rpc.kind !== 'result') return undefined
      const is_unclear = rpc.result.isError === true
      return is_unclear
        ? notJudged(`${tool} answered with an error that does not say who refused`)
        : `${tool} ran`
    }),
  }),
  rule('scopes.everything-first', 'low', practice('scope-minimization'), {
    title: 'The first challenge asks for every scope at once',
    remediation:
      'Ask for what reading needs first, and for more by a step-up challenge when a tool needs it.',
    judge(crawl) {
      const supported = metadataScopes(crawl)
      const asked = challengedScopes(crawl)
      if (asked.length === 0) return notJudged('the challenge has no scope')
      return (
        supported.length > 2 &&
        supported.every((scope) => asked.includes(scope)) &&
        `the challenge names all ${supported.length} scopes`
      )
    },
  }),
]
