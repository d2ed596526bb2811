import { Refusal } from '../../src/guard/refusal.ts'

/** A call of a tool as JSON-RPC. */
export const call = (name: unknown, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name },
})

/** How `run` refuses; undefined when it does not. */
export function refusalOf(run: () => unknown): { status: number; code: unknown; id: unknown } | undefined {
  try {
    run()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const body = error.answer.body as { error: { code: number }; id: unknown }
    return { status: error.answer.status, code: body.error.code, id: body.id }
  }
  return undefined
}
