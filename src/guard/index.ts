/** The public names of "toolgate-guard": the guard, by the standards of the web and no framework's. */
export { opensResource } from '../permission/resource-pattern.ts'
export type { AnswerWatch } from './answers/answer-watch.ts'
export type { AuthInfo, Opened } from './auth-info.ts'
export { bearerChallenge } from './challenge.ts'
export { createGuard, type Decision, type Guard } from './guard.ts'
export type { GuardMode, GuardOptions, LocalPolicy } from './guard-options.ts'
export type { Connection, GuardedRequest } from './guarded-request.ts'
export type { ActiveToken, McpAnswer } from './introspection-client/introspection.ts'
export type { PrivateKey } from './introspection-client/signing-algorithm.ts'
export type { Allowed } from './introspection-client/verdict.ts'
export { readJson } from './json-text.ts'
export {
  type ProtectedResourceMetadata,
  protectedResourceMetadata,
  protectedResourceMetadataPaths,
  protectedResourceMetadataUrl,
} from './protected-resource-metadata.ts'
export type { Refused } from './refusal.ts'
export type { CallReport, DecisionReport, OutcomeReport, Recorder } from './reports/call-report.ts'
export type { ReportOptions } from './reports/report-queue.ts'
export type { Spool } from './reports/spool.ts'
