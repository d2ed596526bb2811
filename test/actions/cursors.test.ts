import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Action, type ActionContext, type Caller, perform } from '../../src/actions/action.ts'
import { ACTIONS } from '../../src/actions/index.ts'
import { builtIn, expandOperatorScopes } from '../../src/api/operator-api/operator-resource.ts'
import { AppError } from '../../src/base/errors.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { leastInput } from '../api/operator-api/action-inputs.ts'
import { TEST } from '../support/origins.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

const CALLER: Caller = { ...TEST, scopes: expandOperatorScopes(['operator:admin']) }
const NAMED: Record<string, object> = { scope_holders: { resource: RESOURCE, scope: 'notes:read' } }
const LISTS = ACTIONS.filter(({ input }) => 'after' in input.shape)

let toolgate: Toolgate
let context: ActionContext
beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { issuer, dependencies } = toolgate
  context = { ...dependencies, issuer, catalogues: new CatalogueCache(builtIn(issuer)) }
  for (const _ of [1, 2]) await toolgate.account(['reader'])
})
afterAll(() => toolgate.close())

/** The `next` of a page; 'refused' for a cursor that is refused as it shall be. */
async function nextOf(action: Action, after?: string): Promise<string | undefined> {
  const input = {
    ...leastInput(action),
    ...NAMED[action.name],
    limit: 1,
    ...(after !== undefined && { after }),
  }
  try {
    return ((await perform(action, context, CALLER, input)) as { next?: string }).next
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_input') return 'refused'
    throw error
  }
}

describe('a list', () => {
  it('is every action that takes a cursor', () => {
    expect(LISTS.length).toBeGreaterThan(9)
  })

  it.each(LISTS.map((action) => [action.name, action] as const))(
    '%s takes the cursors that it gave, and refuses any other text clearly',
    async (_, action) => {
      const given = await nextOf(action)
      if (given !== undefined) expect(await nextOf(action, given)).not.toBe('refused')
      const cursor = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 80 }),
        fc.json().map((text) => Buffer.from(text).toString('base64url')),
      )
      await fc.assert(
        fc.asyncProperty(cursor, async (after) => {
          expect(await nextOf(action, after)).toBe('refused')
        }),
        { numRuns: 30 },
      )
    },
  )

  it('refuses or takes the cursor of another list, and never fails', async () => {
    const cursors = (await Promise.all(LISTS.map((action) => nextOf(action)))).filter(
      (next) => next !== undefined,
    )
    expect(cursors.length).toBeGreaterThan(2)
    for (const action of LISTS) for (const after of cursors) await nextOf(action, after)
  })
})
