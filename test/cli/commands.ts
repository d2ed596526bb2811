import type { Command } from 'commander'
import { vi } from 'vitest'
import { builtIn } from '../../src/api/operator-api/operator-resource.ts'
import { checkpointEvidence } from '../../src/audit/integrity/checkpoints/checkpoint-evidence.ts'
import {
  generateCheckpointKey,
  parseCheckpointKey,
} from '../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import type { AuditCliContext } from '../../src/cli/context.ts'
import { createProgram } from '../../src/cli/program.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const ISSUER = 'http://localhost:4000'

/** The real program, run in this process on `test`, or on a database of its own. */
export async function commandLine(given?: TestDatabase) {
  const test = given ?? (await createTestDatabase())
  const { knex: db, hot } = test.database
  const audit = new AuditLog(hot)
  const key = await parseCheckpointKey(await generateCheckpointKey())
  let open = 0
  const context: AuditCliContext = {
    db,
    audit,
    issuer: ISSUER,
    catalogues: new CatalogueCache(builtIn(ISSUER)),
    evidence: checkpointEvidence({ db, issuer: ISSUER, key: async () => key, sinks: [] }),
    close: async () => {
      open -= 1
    },
  }
  const opening = async () => {
    open += 1
    return context
  }
  const heard = { line: (_: string) => {} }
  let ended = 0
  const attempt = async (...words: string[]) => {
    const attempted = await attemptWith(opening, words, heard)
    ended = attempted.code
    return attempted
  }
  return {
    context,
    test,
    /** `heard.line` is called with each line as it is printed. */
    heard,
    attempt,
    /** With what the last command ended. */
    ended: () => ended,
    /** Contexts that were opened and not closed. */
    left_open: () => open,
    /** What the command prints, line by line. Throws what it throws. */
    run: async (...words: string[]): Promise<string[]> => (await attempt(...words)).lines,
    /** What the command prints with --json. */
    json: async (...words: string[]) => JSON.parse((await attempt(...words, '--json')).lines.join('\n')),
    async close() {
      await audit.close()
      if (!given) await test.drop()
    },
  }
}

/** One command, with what it prints and how it ends. Throws what it throws. */
async function attemptWith(
  opening: () => Promise<AuditCliContext>,
  words: string[],
  heard: { line: (line: string) => void },
) {
  const [lines, errors]: [string[], string[]] = [[], []]
  const into = (to: string[]) => (line: unknown) => void to.push(...String(line).split('\n'))
  const spies = [
    vi.spyOn(console, 'log').mockImplementation((line) => {
      into(lines)(line)
      heard.line(String(line))
    }),
    vi.spyOn(console, 'error').mockImplementation(into(errors)),
  ]
  try {
    const program = await createProgram(undefined, { open: opening, openAudit: opening })
    quiet(program)
    await program.parseAsync(words, { from: 'user' })
    return { lines, errors, code: Number(process.exitCode ?? 0) }
  } finally {
    process.exitCode = undefined
    for (const spy of spies) spy.mockRestore()
  }
}

/** Wrong usage throws here, where the real program would say it and exit. */
function quiet(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  for (const below of command.commands) quiet(below)
}

export type CommandLine = Awaited<ReturnType<typeof commandLine>>
