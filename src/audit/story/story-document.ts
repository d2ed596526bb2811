import { eventDocument } from '../export/json-lines.ts'
import type { NamedEntry } from './story.ts'

/** An entry of a story as JSON. */
export function storyDocument(entry: NamedEntry): Record<string, unknown> {
  return entry.kind === 'event' ? { ...entry, event: eventDocument(entry.event) } : { ...entry }
}
