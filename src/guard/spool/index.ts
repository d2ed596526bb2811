/** The public names of "toolgate/resource-server/spool": reports that outlive the process. */
export { fileSpool } from './file-spool.ts'
