import { spawnSync } from 'node:child_process'
import { commandOf, environment } from './program.ts'

/** The official conformance suite of MCP. */
export const SUITE = commandOf('@modelcontextprotocol/conformance', 'conformance')

/** Every scenario that the suite has for one side, with the versions of MCP it belongs to. */
export function scenariosOf(side: 'authorization' | 'server'): Map<string, string[]> {
  const { stdout } = spawnSync(process.execPath, [SUITE, 'list', `--${side}`], {
    env: environment(),
    encoding: 'utf8',
  })
  return new Map(
    [...stdout.matchAll(/^\s*- (\S+) \[([^\]]*)\]/gm)].map(([, name = '', versions = '']) => [
      name,
      versions.split(','),
    ]),
  )
}
