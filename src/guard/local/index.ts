/** The public names of "toolgate/resource-server/local": what mode `none` needs. */
export { type FileLogOptions, fileLog } from './file-log.ts'
export { type CallLog, type LocalOptions, localPolicy } from './local-policy.ts'
