import { Command } from 'commander'
import { vi } from 'vitest'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import type { ActionCliContext } from '../../src/cli/context.ts'
import { createTestDatabase } from '../support/database.ts'

/** Commands run in this process, on a database of their own. */
export async function commandLine(
  register: (program: Command, open: () => Promise<ActionCliContext>) => void,
) {
  const test = await createTestDatabase()
  const { knex } = test.database
  const audit = new AuditLog(test.database.hot)
  let open = 0
  const context: ActionCliContext = {
    db: knex,
    knex,
    audit,
    issuer: 'http://localhost:4000',
    close: async () => {
      open -= 1
    },
  }
  return {
    context,
    test,
    /** Contexts that were opened and not closed. */
    left_open: () => open,
    /** What the command prints, line by line. Throws what it throws. */
    async run(...words: string[]): Promise<string[]> {
      const printed: string[] = []
      const log = vi
        .spyOn(console, 'log')
        .mockImplementation((line) => void printed.push(...String(line).split('\n')))
      try {
        const program = new Command()
          .exitOverride()
          .configureOutput({ writeErr: () => {}, writeOut: () => {} })
        register(program, async () => {
          open += 1
          return context
        })
        for (const command of program.commands) quiet(command)
        await program.parseAsync(words, { from: 'user' })
      } finally {
        log.mockRestore()
      }
      return printed
    },
    async close() {
      await audit.close()
      await test.drop()
    },
  }
}

/** Wrong usage throws here, where the real program would print help and exit. */
function quiet(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  for (const below of command.commands) quiet(below)
}

export type CommandLine = Awaited<ReturnType<typeof commandLine>>
