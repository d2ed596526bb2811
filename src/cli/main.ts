#!/usr/bin/env node
import { AppError } from '../base/errors.ts'
import { ConfigError } from '../config/config.ts'
import { createProgram } from './program.ts'

/** The program: runs one command and says what went wrong. */
/** SQLSTATE. */
const INSUFFICIENT_PRIVILEGE = '42501'

/** Faults that a person can mend are one sentence; anything else is a bug and shows its stack. */
function report(error: unknown): void {
  const isMendable = error instanceof ConfigError || error instanceof AppError
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === INSUFFICIENT_PRIVILEGE)
    console.error('toolgate: this needs the role that owns the tables; TOOLGATE_DATABASE_URL names another')
  if (isMendable || typeof code === 'string') console.error(`toolgate: ${(error as Error).message || code}`)
  else console.error(error)
  process.exitCode = 1
}

try {
  await (await createProgram(process.argv[2])).parseAsync()
} catch (error) {
  report(error)
}
