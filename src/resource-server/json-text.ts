import { badMessage, type Refusal } from './refusal.ts'

/** Far above any real message, far below where a recursive reader behind the guard overflows its stack. */
const MAX_DEPTH = 128

/**
 * Reads JSON.
 * @throws Refusal 400 when it is none, or is nested too deeply
 */
export function readJson(text: string): unknown {
  const value = parse(text)
  if (depthOf(text) > MAX_DEPTH) throw tooDeep()
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badMessage('parse_error', 'The body is not JSON')
  }
}

function tooDeep(): Refusal {
  return badMessage('invalid_request', `The body is nested more than ${MAX_DEPTH} levels deep`)
}

/** Depth of valid JSON. Counted on the text, because walking the value would recurse. */
function depthOf(json: string): number {
  let deepest = 0
  let depth = 0
  let in_string = false
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === '"') in_string = !in_string
    else if (in_string && char === '\\') at++
    else if (!in_string && (char === '[' || char === '{')) deepest = Math.max(deepest, ++depth)
    else if (!in_string && (char === ']' || char === '}')) depth--
  }
  return deepest
}
