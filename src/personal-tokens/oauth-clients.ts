/**
 * MCP clients that can sign in with OAuth, by the product names that they send in User-Agent (RFC 9110 §10.1.5). A hint:
 * others can too, and anybody can send any name.
 */
const PRODUCTS: readonly (readonly [product: RegExp, client: string])[] = [
  [/^claude-code\//, 'Claude Code'],
  [/^claude-(user|ai|desktop)\b/, 'Claude'],
  [/^cursor\//, 'Cursor'],
  [/^(openai-mcp|chatgpt)\b/, 'ChatGPT'],
  [/^codex\b/, 'Codex'],
  [/^(visual studio code|vscode)\b/, 'VS Code'],
  [/^zed\//, 'Zed'],
  [/^gemini-?cli\b/, 'Gemini CLI'],
  [/^goose\//, 'goose'],
  [/^opencode\//, 'OpenCode'],
  [/^kimi-(code|cli)\b/, 'kimi-code'],
  [/^librechat\b/, 'LibreChat'],
  [/^antigravity\b/, 'Antigravity'],
]

/** The client that a User-Agent begins with, when that client could use OAuth in place of a personal access token. */
export function oauthClientOf(user_agent: string | null): { client: string } | null {
  const sent = user_agent?.toLowerCase() ?? ''
  const client = PRODUCTS.find(([product]) => product.test(sent))?.[1]
  return client === undefined ? null : { client }
}
