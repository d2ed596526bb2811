/** The public names of "toolgate/resource-server": the guard, by the standards of the web and no framework's. */
export type { AnswerWatch } from './answer-watch.ts'
export type { PrivateKey } from './asking/client-authentication.ts'
export type { ActiveToken, McpAnswer } from './asking/introspection.ts'
export type { Allowed } from './asking/verdict.ts'
export type { AuthInfo } from './auth-info.ts'
export { bearerChallenge } from './challenge.ts'
export { createGuard, type Decision, type Guard } from './guard.ts'
export type { GuardMode, GuardOptions, LocalPolicy } from './guard-options.ts'
export type { Connection, GuardedRequest } from './guarded-request.ts'
export { readJson } from './json-text.ts'
export {
  type ProtectedResourceMetadata,
  protectedResourceMetadata,
  protectedResourceMetadataPaths,
  protectedResourceMetadataUrl,
} from './protected-resource-metadata.ts'
export type { Refused } from './refusal.ts'
export type { CallReport, Recorder } from './reports/call-report.ts'
