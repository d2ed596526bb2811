import type { RecordingContext } from '../audit/log/recorded.ts'
import type { GrantFilter } from './grant-store.ts'
import { assertNarrowed } from './grants.ts'
import { previewMatching, type RevocationPreview } from './preview-store.ts'

/** What will stop working when everything that matches is revoked. Throws `invalid_input` without any condition. */
export async function previewRevocation(
  { db }: Pick<RecordingContext, 'db'>,
  filter: GrantFilter,
): Promise<RevocationPreview> {
  assertNarrowed(filter)
  return previewMatching(db, filter)
}
