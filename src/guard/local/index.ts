/** The public names of "toolgate-guard/local": what mode `none` needs. */
export { type FileLogOptions, fileLog } from './file-log.ts'
export { type CallLog, type LocalOptions, localPolicy } from './local-policy.ts'
