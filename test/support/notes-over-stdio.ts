import { appendFileSync } from 'node:fs'
import { serveNotesOverStdio } from '../../examples/notes-server/stdio.ts'
import type { CallLog } from '../../src/resource-server/local/index.ts'

/** The example server as a program of its own, with a log of one event in JSON a line. */
const { NOTES_CATALOGUE = '', NOTES_RESOURCE = '', NOTES_SCOPES, NOTES_LOG = '' } = process.env

const log: CallLog = {
  append: async (events) => {
    for (const event of events) appendFileSync(NOTES_LOG, `${JSON.stringify(event)}\n`)
  },
  close: async () => {},
}

serveNotesOverStdio({
  catalogue_file: NOTES_CATALOGUE,
  resource: NOTES_RESOURCE,
  scopes: NOTES_SCOPES?.split(' '),
  log,
})
