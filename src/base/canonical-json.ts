/**
 * RFC 8785: one text for each value, whoever wrote it and in which order. Takes what JSON.parse gives, of no more depth
 * than whoever reads it lets in.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    // By UTF-16 code units (§3.2.3), which is how `<` compares.
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}
