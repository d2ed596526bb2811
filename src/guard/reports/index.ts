/** What a guard that reports is made of; loaded by itself. */
export { watchOutcomes } from './outcome.ts'
export { createReportQueue } from './report-queue.ts'
