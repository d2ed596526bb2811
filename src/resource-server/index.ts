/** The public names of "toolgate/resource-server". */
export type { AuthInfo } from './auth-info.ts'
export { bearerChallenge } from './challenge.ts'
export type { PrivateKey } from './client-authentication.ts'
export {
  type Allowed,
  createGuard,
  type Decision,
  type Guard,
  type GuardedRequest,
} from './guard.ts'
export type { GuardOptions } from './guard-options.ts'
export type { ActiveToken, McpAnswer } from './introspection.ts'
export { type NodeHandler, type NodeListener, protectNodeHandler } from './node.ts'
export {
  type ProtectedResourceMetadata,
  protectedResourceMetadata,
  protectedResourceMetadataPaths,
  protectedResourceMetadataUrl,
} from './protected-resource-metadata.ts'
export type { Refused } from './refusal.ts'
