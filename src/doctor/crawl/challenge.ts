/** One challenge of a `WWW-Authenticate` header; names of schemes and parameters in lower case. */
export type Challenge = { scheme: string; parameters: ReadonlyMap<string, string> }

const TOKEN = "[!#$%&'*+\\-.^_`|~\\w]+"
const PART = new RegExp(
  `\\s*(?:(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))|(${TOKEN})(?=\\s|,|$))\\s*,?`,
  'y',
)

/** Reads RFC 9110 §11.6.1. Undefined when it is malformed, which clients read each in their own way. */
export function readChallenges(header: string): Challenge[] | undefined {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  PART.lastIndex = 0
  while (PART.lastIndex < header.length) {
    const [found, name, quoted, plain, scheme] = PART.exec(header) ?? []
    if (!found) return undefined
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() })
    const current = challenges.at(-1)
    if (!current) return undefined
    if (name === undefined) continue
    if (current.parameters.has(name.toLowerCase())) return undefined
    current.parameters.set(name.toLowerCase(), plain ?? (quoted ?? '').replace(/\\(.)/g, '$1'))
  }
  return challenges
}
