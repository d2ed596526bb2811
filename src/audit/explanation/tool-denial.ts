import { findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import { heldBy } from '../../catalogue/held.ts'
import { isOpenTo } from '../../permission/consented.ts'
import { usedThing } from '../../permission/mcp-method.ts'
import { expandScopes, isOpened, type Kind, type Resource, scopesFor } from '../../permission/scopes.ts'
import {
  client,
  type Explanation,
  explained,
  type Facts,
  mcpServer,
  operator,
  type Remedy,
  user,
  type Verdict,
} from './verdict.ts'

/** Why a live token could not use a tool, a prompt or a resource. */
export function explainToolDenial(facts: Facts): Explanation {
  const { event, catalogue } = facts
  const method = String(event.detail?.method ?? 'tools/call')
  const used = usedThing(method, event.tool ?? undefined)
  if (!used) return methodNotOpen(method)
  const { kind, name: tool } = used
  const resource = catalogue && findResource(catalogue, event.resource ?? '')
  if (!catalogue || !resource)
    return explained(
      'resource_not_in_catalogue',
      `The catalogue no longer has the resource ${event.resource}.`,
      operator(`Apply a catalogue that has the resource ${event.resource}.`),
    )
  const needed = scopesFor(resource, kind, tool)
  if (needed.length === 0) return openedByNoScope(resource, kind, tool)
  const was_opened = String(event.detail?.needed ?? '') !== ''
  const reason = was_opened
    ? `${kind === 'tools' ? 'Calling' : 'Reading'} ${tool} needs ${all(needed)} on ${resource.name}.`
    : `No scope of ${resource.name} opened ${tool} at that time. Now it needs ${all(needed)}.`
  return olderConsent(facts, used) ?? lackingScopes(facts, resource, needed, reason)
}

/** What came under the scopes of a grant after its person allowed them is withheld, whatever their names say. */
function olderConsent(
  { event, history, grant, account, token }: Facts,
  { kind, name }: { kind: Kind; name: string },
): Explanation | undefined {
  if (!history || !grant || grant.expired || event.actor_kind === 'operator_token') return undefined
  const { scope, scope_versions } = grant
  const consented = { resource: grant.resource ?? '', scope, scope_versions }
  const held = heldBy(history, consented, account?.roles ?? [], token?.scope ?? scope)
  if (!held?.seen || isOpenTo(held, kind, name) || !isOpened(held.resource, held.effective, kind, name))
    return undefined
  return {
    verdict: 'consent_is_older',
    reasons: [
      `${name} came under ${all(scopesFor(held.resource, kind, name))} after ${account?.username ?? 'the person'} allowed that. It is withheld until they have seen it.`,
    ],
    remedies: [
      client('Follow the challenge: ask for authorization again. The person is shown what is new.'),
      user('Connect the client again and allow what is new; a personal access token has to be made anew.'),
    ],
  }
}

function methodNotOpen(method: string): Explanation {
  return explained(
    'method_not_open',
    `Scopes open tools, prompts and resources. The MCP method ${method} uses none of them, and is not one of the methods that every live token may use, such as tools/list.`,
    mcpServer(`Offer as a tool what ${method} gives, so that a scope can open it.`),
  )
}

function openedByNoScope(resource: Resource, kind: Kind, tool: string): Explanation {
  const word = kind.slice(0, -1)
  const [call, ask] = kind === 'tools' ? ['call', 'Call'] : ['read', 'Ask for']
  const names = resource.scopes.flatMap((scope) => scope[kind] ?? [])
  const alike = names.find((known) => known.toLowerCase() === tool.toLowerCase())
  return explained(
    'tool_opened_by_no_scope',
    `No scope of ${resource.name} opens a ${word} named ${tool}, so nobody may ${call} it.`,
    ...(alike ? [client(`${ask} ${alike}: names of ${kind} are compared exactly.`)] : []),
    operator(`Add ${tool} to the ${kind} of a scope of ${resource.resource}, and apply the catalogue.`),
    mcpServer(`Check that the name of the ${word} in the catalogue is the one the server offers.`),
  )
}

/** Of several scopes that are missing, the one that is hardest to come by gives the verdict. */
const HARDEST_FIRST: readonly Verdict[] = ['role_lacks_scope', 'grant_lacks_scope', 'token_lacks_scope']

function lackingScopes(
  facts: Facts,
  resource: Resource,
  needed: readonly string[],
  reason: string,
): Explanation {
  const had = expandScopes(resource, (facts.event.scope ?? '').split(' '))
  const lacks = needed.filter((scope) => !had.has(scope)).map((scope) => lackOf(facts, resource, scope))
  const real = lacks.filter(({ verdict }) => verdict !== 'allowed_now')
  const verdict = HARDEST_FIRST.find((each) => real.some((lack) => lack.verdict === each)) ?? 'allowed_now'
  const shown = real.length > 0 ? real : lacks
  const remedies =
    verdict === 'allowed_now'
      ? [client('Call the tool again: what it lacked is there now.')]
      : distinct(shown.flatMap((lack) => lack.remedies))
  return { verdict, reasons: [reason, ...shown.flatMap((lack) => lack.reasons)], remedies }
}

function lackOf(facts: Facts, resource: Resource, scope: string): Explanation {
  const { event, catalogue, account, grant, token } = facts
  if (event.actor_kind === 'operator_token')
    return explained(
      'token_lacks_scope',
      `The operator token does not have ${scope}. The scopes of an operator token never change.`,
      operator(`Make an operator token with the scope ${scope}.`),
    )
  const has = (scopes: string) => expandScopes(resource, scopes.split(' ')).has(scope)
  const by_role = catalogue ? grantableScopes(catalogue, resource, account?.roles ?? []).has(scope) : false
  if (!by_role) return lackOfRole(facts, resource, scope)
  if (!grant || grant.expired)
    return explained(
      'grant_lacks_scope',
      `The token did not carry ${scope}, and its grant has ended since. The account’s roles allow the scope.`,
      user(`Connect the client again and allow ${scope}.`),
    )
  if (!has(grant.scope))
    return explained(
      'grant_lacks_scope',
      `${scope} was not allowed when the client was connected. The account’s roles hold it, so a step-up works.`,
      client(`Follow the challenge: ask for authorization again with ${scope}.`),
      user(`Connect the client again and allow ${scope}.`),
    )
  if (token?.scope && has(token.scope) && !token.expired)
    return explained('allowed_now', `It lacked ${scope} then and holds it now.`)
  return explained(
    'token_lacks_scope',
    `The token did not carry ${scope}, although its grant has it and the account’s roles allow it.`,
    client(`Refresh the token without narrowing its scope, or ask for ${scope}.`),
  )
}

function lackOfRole({ catalogue, account }: Facts, resource: Resource, scope: string): Explanation {
  const holding = (catalogue?.roles ?? [])
    .filter(({ name }) => catalogue && grantableScopes(catalogue, resource, [name]).has(scope))
    .map(({ name }) => name)
  const held = account?.roles.length ? all(account.roles) : 'no role'
  const whom = account?.username ?? 'the account'
  const what =
    holding.length > 0
      ? `Give ${whom} a role with ${scope}: ${holding.join(' or ')}.`
      : `No role has ${scope}. Give it to a role in the catalogue, and the role to ${whom}.`
  return explained(
    'role_lacks_scope',
    `${account?.username ?? 'The account'} has ${held}, which does not hold ${scope}. A step-up would not help: a person can only allow what the account’s roles hold.`,
    operator(what),
    user(`Then connect the client again and allow ${scope}.`),
  )
}

function all(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function distinct(remedies: readonly Remedy[]): Remedy[] {
  return [...new Map(remedies.map((remedy) => [`${remedy.who} ${remedy.what}`, remedy])).values()]
}
