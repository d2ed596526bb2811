import { parseJson, walkJson } from '../base/json.ts'
import { badMessage, type Refusal } from './refusal.ts'

/** Far above any real message, far below where a recursive reader behind the guard overflows its stack. */
const MAX_DEPTH = 128

/**
 * Reads JSON that every reader reads alike: whoever stands behind the guard may have another parser than this one.
 * @throws Refusal 400 when it is none, is nested too deeply, names a member twice, or has a number that is none here
 */
export function readJson(text: string): unknown {
  const value = parseJson(text)
  if (value === undefined) throw badMessage('parse_error', 'The body is not JSON')
  requireOneReading(text)
  return value
}

/**
 * For what somebody else has parsed.
 * @throws Refusal 400 when it is nested too deeply
 */
export function requireShallow(value: unknown): void {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw tooDeep()
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
  }
}

function tooDeep(): Refusal {
  return ambiguous(`is nested more than ${MAX_DEPTH} levels deep`)
}

/** Reads valid JSON again as text, because its value does not show what was there twice. */
function requireOneReading(json: string): void {
  /** Of every object that is open the names of its members so far; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  walkJson(json, {
    open(bracket) {
      open.push(bracket === '{' ? new Set() : undefined)
      if (open.length > MAX_DEPTH) throw tooDeep()
    },
    close: () => open.pop(),
    name: (name) => requireNew(open.at(-1), name),
    scalar(written) {
      // RFC 8259 §6: what is out of range here would be null, or another number, for the next reader.
      if (/^[-\d]/.test(written) && !Number.isFinite(Number(written)))
        throw ambiguous('has a number that is out of range')
    },
  })
}

/** RFC 8259 §4: when names within an object are not unique, the behavior of software is unpredictable. */
function requireNew(members: Set<string> | undefined, name: string): void {
  if (name === '__proto__') throw ambiguous('has a member __proto__')
  if (members?.has(name)) throw ambiguous('names a member twice')
  members?.add(name)
}

function ambiguous(what: string): Refusal {
  return badMessage('invalid_request', `The body ${what}`)
}
