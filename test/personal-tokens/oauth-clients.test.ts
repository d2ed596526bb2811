import { expect, it } from 'vitest'
import { oauthClientOf } from '../../src/personal-tokens/oauth-clients.ts'

it.each([
  ['claude-code/2.1.251 (cli)', 'Claude Code'],
  ['Cursor/1.7.44 (darwin arm64)', 'Cursor'],
  ['Claude-User', 'Claude'],
  ['Visual Studio Code/1.108.0', 'VS Code'],
  ['codex-mcp-client/0.60', 'Codex'],
])('%s could use OAuth as %s', (user_agent, client) => {
  expect(oauthClientOf(user_agent)).toEqual({ client })
})

it.each([null, '', 'node', 'curl/8.5.0', 'not-cursor/1', 'cursory/1', 'python-httpx/0.28'])(
  '%s tells nothing',
  (user_agent) => {
    expect(oauthClientOf(user_agent)).toBeNull()
  },
)
