import type { Context } from 'koa'
import { AppError, type ErrorCode } from '../base/errors.ts'

/** What the sender of a form can correct. */
const CORRECTABLE = ['invalid_input', 'conflict'] as const
/** The same where a form asks for a password. */
export const WITH_PASSWORD: readonly ErrorCode[] = [
  ...CORRECTABLE,
  'unauthenticated',
  'forbidden',
  'throttled',
]
/** The same where a form names what it is about, which may not be there. */
export const WITH_NAMES: readonly ErrorCode[] = [...CORRECTABLE, 'not_found']

/** Does what a form asks for. A fault that its sender can correct is told on the form itself, with what was typed. */
export async function redisplayOnInvalid(
  { ctx }: { ctx: Context },
  work: () => Promise<void>,
  redisplay: (error: string) => Promise<void> | void,
  correctable: readonly ErrorCode[] = CORRECTABLE,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof AppError) || !correctable.includes(error.code)) throw error
    ctx.status = error.status
    await redisplay(error.message)
  }
}
