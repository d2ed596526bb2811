import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATOR_SCOPES } from '../../../src/accounts/operator-scopes.ts'
import { type Action, type ActionContext, type Caller, perform } from '../../../src/actions/action.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { builtIn } from '../../../src/api/operator-api/operator-resource.ts'
import { inputDocument, pathMembers } from '../../../src/api/operator-api/schema-documents.ts'
import { AppError } from '../../../src/base/errors.ts'
import { CatalogueCache } from '../../../src/catalogue/catalogue-store.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'
import { leastInput } from './action-inputs.ts'

/** What actions say they answer is what they answer: nothing else, and nothing more. */
let toolgate: Toolgate
let context: ActionContext
let names: unknown[]

const caller: Caller = { actor: TEST.actor, scopes: new Set(OPERATOR_SCOPES) }

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { issuer, dependencies } = toolgate
  context = { ...dependencies, issuer, catalogues: new CatalogueCache(builtIn(issuer)) }
  const { knex } = toolgate.db.database
  const operator = await toolgate.operatorToken()
  const { id, person, username } = await toolgate.account()
  const { client_id } = await toolgate.register()
  const { access_token } = await toolgate.tokens(person(), client_id)
  const rs = await toolgate.resourceServer()
  await toolgate.introspect(rs, access_token, {
    mcp_method: 'tools/call',
    mcp_name: 'delete_note',
  })
  const [grant] = await knex('grants').pluck('id')
  const [denial] = await knex('audit_events').where({ decision: 'denied' }).pluck('id')
  const personal_token = await toolgate.personalToken(id)
  const things = [grant, denial, id, username, client_id, operator.id, rs.client_id, personal_token.id]
  names = [...things, RESOURCE, 'notes:read', 'search_notes', 'editor', 1]
})
afterAll(() => toolgate.close())

/** Every way to fill what has to name something that is there. */
function inputsFor(action: Action): Record<string, unknown>[] {
  const in_path = pathMembers(action)
  const naming = in_path.length > 0 ? in_path : inputDocument(action).required
  if (naming.length === 0) return [leastInput(action), ...oneNamed(action)]
  const [first, second] = naming
  const pairs = names.flatMap((name) =>
    second === undefined ? [[name]] : names.map((other) => [name, other]),
  )
  return pairs.map(([one, other]) =>
    leastInput(action, { [String(first)]: one, ...(second === undefined ? {} : { [second]: other }) }),
  )
}

/** For actions that want any one of several members. */
function oneNamed(action: Action): Record<string, unknown>[] {
  const members = Object.keys(inputDocument(action).properties)
  return members.flatMap((member) => names.map((name) => leastInput(action, { [member]: name })))
}

async function answersOf(action: Action): Promise<unknown[]> {
  const answers: unknown[] = []
  for (const input of inputsFor(action)) {
    try {
      answers.push(await perform(action, context, caller, input))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
    }
  }
  return answers
}

describe.each(
  ACTIONS.filter(({ method }) => method === 'get').map((action) => ({ name: action.name, action })),
)('$name', ({ action }) => {
  it('answers as its schema says', async () => {
    const answers = await answersOf(action)
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) expect(action.output.parse(answer)).toEqual(answer)
  })
})
