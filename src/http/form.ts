import { AppError } from '../base/errors.ts'

/** Only what looks like a parameter's name is repeated to the caller: somebody may have put a secret there. */
const REPEATABLE_NAME = /^[a-z][a-z_]{0,39}$/

/** The parameters of a form, each given once, except those that were declared to be lists. */
export class Form {
  readonly #values: ReadonlyMap<string, readonly string[]>
  readonly #multiple: ReadonlySet<string>

  constructor(values: ReadonlyMap<string, readonly string[]>, multiple: ReadonlySet<string>) {
    this.#values = values
    this.#multiple = multiple
  }

  /** The value of `name`, or undefined when it was not sent or sent empty. A list gives its first value. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0]
  }

  /** Every value of `name` in the order sent; empty when there is none. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  names(): string[] {
    return [...this.#values.keys()]
  }

  /** For a schema: a string for each parameter, an array for each that was declared to be a list and sent. */
  toObject(): Record<string, string | string[]> {
    return Object.fromEntries(
      [...this.#values].map(([name, values]) => [
        name,
        this.#multiple.has(name) ? [...values] : (values[0] ?? ''),
      ]),
    )
  }
}

/**
 * Parses application/x-www-form-urlencoded text strictly: wrong percent-encoding, bytes that are no UTF-8, NUL and a
 * parameter given twice (unless its name is in `multiple`) throw AppError invalid_input.
 */
export function parseForm(text: string, multiple: readonly string[] = []): Form {
  const lists = new Set(multiple)
  const seen = new Set<string>()
  const values = new Map<string, string[]>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    // RFC 6749 §3.1, §3.2: parameters MUST NOT be included more than once.
    if (seen.has(name) && !lists.has(name)) throw new AppError('invalid_input', givenTwice(name))
    seen.add(name)
    // RFC 6749 §3.1, §3.2: parameters sent without a value MUST be treated as if they were omitted.
    if (value === '') continue
    const list = values.get(name)
    if (list) list.push(value)
    else values.set(name, [value])
  }
  return new Form(values, lists)
}

/** What stands for itself, as most tokens and names do. */
const PLAIN = /^[\w.~*!'()-]*$/

function decode(part: string): string {
  if (PLAIN.test(part)) return part
  let decoded: string
  try {
    decoded = decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    throw new AppError('invalid_input', 'The form is not valid percent-encoded UTF-8')
  }
  if (decoded.includes('\0')) throw new AppError('invalid_input', 'The form holds a NUL character')
  return decoded
}

function givenTwice(name: string): string {
  if (!REPEATABLE_NAME.test(name)) return 'A parameter is given more than once'
  return `The parameter ${name} is given more than once`
}
