import { badMessage, type Refusal } from './refusal.ts'

/** Far above any real message, far below where a recursive reader behind the guard overflows its stack. */
const MAX_DEPTH = 128

/**
 * Reads JSON that every reader reads alike: whoever stands behind the guard may have another parser than this one.
 * @throws Refusal 400 when it is none, is nested too deeply, names a member twice, or has a number that is none here
 */
export function readJson(text: string): unknown {
  const value = parse(text)
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badMessage('parse_error', 'The body is not JSON')
  }
}

function tooDeep(): Refusal {
  return ambiguous(`is nested more than ${MAX_DEPTH} levels deep`)
}

const NUMBER = /[-+.\deE]+/y

/** Reads valid JSON again as text, because its value does not show what was there twice, and walking it would recurse. */
function requireOneReading(json: string): void {
  /** Of every object that is open the names of its members so far; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < json.length; at++) {
    const char = json.charAt(at)
    if (char === '{' || char === '[') {
      open.push(char === '{' ? new Set() : undefined)
      if (open.length > MAX_DEPTH) throw tooDeep()
    } else if (char === '}' || char === ']') open.pop()
    else if (char === '"') {
      const start = at
      while (json[++at] !== '"') if (json[at] === '\\') at++
      if (isName(json, at)) requireNew(open.at(-1), json.slice(start, at + 1))
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = at
      const [number = ''] = NUMBER.exec(json) ?? []
      // RFC 8259 §6: what is out of range here would be null, or another number, for the next reader.
      if (!Number.isFinite(Number(number))) throw ambiguous('has a number that is out of range')
      at += number.length - 1
    }
  }
}

function isName(json: string, end: number): boolean {
  let at = end + 1
  while (/\s/.test(json.charAt(at))) at++
  return json[at] === ':'
}

/** RFC 8259 §4: when names within an object are not unique, the behavior of software is unpredictable. */
function requireNew(members: Set<string> | undefined, quoted: string): void {
  // An escape is another way to write the same name.
  const name = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
  if (name === '__proto__') throw ambiguous('has a member __proto__')
  if (members?.has(name)) throw ambiguous('names a member twice')
  members?.add(name)
}

function ambiguous(what: string): Refusal {
  return badMessage('invalid_request', `The body ${what}`)
}
