/** What is asked of both designs, so that they answer the same questions about equal data. */
export const RESOURCE = 'http://localhost:4001/mcp'
export const SCOPE = 'notes:read notes:write'
export const TOOL = 'create_note'
export const ACCOUNT_ID = 'the-person-of-the-benchmark'
export const CLIENT_ID = 'the-client-of-the-benchmark'

/** How a resource server authenticates, and the tokens it asks about. */
export type Seed = { client_id: string; client_secret: string; tokens: string[] }

/** The bodies of plain RFC 7662 requests, one per token. */
export function plainBodies({ tokens }: Seed): string[] {
  return tokens.map((token) => `token=${token}`)
}

/** The same, naming the tool that is about to be called. */
export function toolBodies({ tokens }: Seed): string[] {
  return tokens.map((token) => `token=${token}&mcp_method=tools%2Fcall&mcp_name=${TOOL}`)
}

export function basicAuthorization({ client_id, client_secret }: Seed): string {
  return `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
}

/** Every scope of `scope` as of the first catalogue, which is the one of the benchmark. */
export const seen = (scope: string) => `array_fill(1, array[cardinality(string_to_array(${scope}, ' '))])`
