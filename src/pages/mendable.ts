import { AppError, type ErrorCode } from '../base/errors.ts'
import type { Page } from './page.ts'

const MENDABLE: readonly ErrorCode[] = ['invalid_input', 'conflict']

/** Does what a form asks for. A fault that its sender can mend is told on the form itself, with what was typed. */
export async function mendable(
  page: Page,
  work: () => Promise<void>,
  showAgain: (error: string) => Promise<void> | void,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof AppError) || !MENDABLE.includes(error.code)) throw error
    page.ctx.status = error.status
    await showAgain(error.message)
  }
}
