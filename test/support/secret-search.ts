import type { Knex } from 'knex'

/** The stable middle of a base64 text that holds `bytes` at any of the three offsets. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    const first = Math.ceil((offset * 8) / 6)
    const last = Math.floor(((offset + bytes.length) * 8) / 6)
    const middle = text.slice(first, last)
    return [middle, middle.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** Every way in which a secret could lie in a text: raw, percent-encoded, hex or base64 of it, or of its own bytes. */
export function formsOf(secret: string): string[] {
  const texts = [secret, encodeURIComponent(secret), encodeURIComponent(secret).replaceAll('%20', '+')]
  const bytes = [Buffer.from(secret)]
  // What is itself base64url carries random bytes.
  if (/^[A-Za-z0-9_-]{40,}$/.test(secret)) bytes.push(Buffer.from(secret, 'base64url'))
  const encoded = bytes.flatMap((each) => [each.toString('hex'), ...base64Forms(each)])
  return [...new Set([...texts, ...encoded])]
}

/** The names of the secrets that occur in a text, with the form they have there. */
export function leaksIn(text: string, secrets: ReadonlyMap<string, string>): string[] {
  const lower = text.toLowerCase()
  return [...secrets].flatMap(([secret, name]) =>
    formsOf(secret)
      .filter((form) => (/^[0-9a-f]{40,}$/.test(form) ? lower.includes(form) : text.includes(form)))
      .map((form) => `${name} as ${form === secret ? 'itself' : 'an encoding of it'}`),
  )
}

/** Every value of every table as text, one line per row; `bytea` in hex. */
export async function dumpDatabase(db: Knex): Promise<{ text: string; tables: string[] }> {
  const { rows } = await db.raw(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  )
  const tables: string[] = rows.map((row: { name: string }) => row.name)
  const lines: string[] = []
  for (const name of tables) {
    const found = await db.raw(`select to_jsonb(t) as row from ${name} t`)
    for (const { row } of found.rows) for (const value of textsOf(row)) lines.push(value)
  }
  return { text: lines.join('\n'), tables }
}

/** Keys and values of a JSON value, however deep, unescaped. */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf)
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner)])
  return [String(value)]
}
