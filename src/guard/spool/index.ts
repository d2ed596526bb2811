/** The public names of "toolgate-guard/spool": reports that outlive the process. */
export { fileSpool } from './file-spool.ts'
