import { canonicalJson } from '../../base/canonical-json.ts'
import { isObject } from '../../base/json.ts'
import type { AnswerWatch } from '../answers/answer-watch.ts'
import type { Asked, Watch } from '../introspection-client/verdict.ts'
import { readAnswer } from './answer-reader.ts'
import type { OutcomeReport } from './call-report.ts'

const REPORTED: readonly unknown[] = ['tools/call', 'prompts/get', 'resources/read']

type Outcome = OutcomeReport['outcome']
type Call = { asked: Asked; arguments_sha256: Promise<string> | undefined; outcome?: Outcome; at_ms: number }

/** Sees what comes of the calls that are let through, and gives it to `take` when their answer has ended. */
export function watchOutcomes(take: (reports: OutcomeReport[]) => void): Watch {
  return (_request, { body }, asked) => {
    const calls = callsIn(body, asked)
    if (calls.length === 0) return { begin() {}, write() {}, end() {} }
    return watchAnswer(calls, (end) => {
      void Promise.all(calls.map((call) => reportOf(call, end))).then(take)
    })
  }
}

/** The arguments are hashed before anybody can change them. */
function callsIn(body: unknown, asked: readonly Asked[]): Call[] {
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  const called = messages.filter((message) => REPORTED.includes(memberOf(message, 'method')))
  // Other messages may be several questions; one that is reported is always one.
  const questioned = asked.filter(({ question }) => REPORTED.includes(question.mcp_method))
  return questioned.map((each, index) => {
    const given = memberOf(memberOf(called[index], 'params'), 'arguments')
    const arguments_sha256 = given === undefined ? undefined : sha256Hex(canonicalJson(given))
    // Awaited when the answer has ended; until then it must not end the process.
    arguments_sha256?.catch(() => {})
    return { asked: each, arguments_sha256, at_ms: performance.now() }
  })
}

type End = { status: number; size_bytes: number; is_whole: boolean; is_partial: boolean; at_ms: number }

function watchAnswer(calls: readonly Call[], tell: (end: End) => void): AnswerWatch {
  let status = 0
  let size_bytes = 0
  let reader: ReturnType<typeof readAnswer> | undefined
  return {
    begin(said, headers) {
      status = said
      reader = readAnswer(headers, (message) => hear(calls, message))
    },
    write(chunk) {
      size_bytes += chunk.length
      reader?.write(chunk)
    },
    end(is_whole) {
      if (is_whole) reader?.end()
      const is_partial = reader?.is_partial ?? true
      tell({ status, size_bytes, is_whole, is_partial, at_ms: performance.now() })
    },
  }
}

/** Ids that stand twice in a batch are answered in turn. */
function hear(calls: readonly Call[], message: unknown): void {
  const id = memberOf(message, 'id')
  const outcome = outcomeIn(message)
  if (id === undefined || id === null || !outcome) return
  const call = calls.find((each) => each.asked.question.id === id && each.outcome === undefined)
  if (call) call.outcome = outcome
}

function outcomeIn(message: unknown): Outcome | undefined {
  if (memberOf(message, 'error') !== undefined) return 'protocol_error'
  const result = memberOf(message, 'result')
  if (result === undefined) return undefined
  return memberOf(result, 'isError') === true ? 'tool_error' : 'ok'
}

/** Without a message that says it: from the status, and from whether there should have been one. */
function outcomeOf({ asked, outcome }: Call, { status, is_whole, is_partial }: End): Outcome {
  if (outcome) return outcome
  if (status >= 400) return 'http_error'
  if (!is_whole) return 'aborted'
  return is_partial || (asked.question.id ?? undefined) === undefined ? 'ok' : 'aborted'
}

async function reportOf(call: Call, end: End): Promise<OutcomeReport> {
  const { question, token } = call.asked
  const arguments_sha256 = await call.arguments_sha256?.catch(() => undefined)
  return {
    type: 'tool.completed',
    id: crypto.randomUUID(),
    occurred_at_ms: Date.now(),
    request_id: question.request_id,
    sub: token.sub,
    client_id: token.client_id,
    token_id: token.jti,
    method: question.mcp_method ?? '',
    name: question.mcp_name,
    outcome: outcomeOf(call, end),
    duration_ms: Math.round(end.at_ms - call.at_ms),
    size_bytes: end.size_bytes,
    arguments_sha256,
  }
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** Hexadecimal; by Web Cryptography, which is where the guard is. */
async function sha256Hex(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
