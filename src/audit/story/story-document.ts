import { type EventDocument, eventDocument } from '../export/json-lines.ts'
import type { NamedEntry } from './story.ts'

type ToldEvent = Extract<NamedEntry, { kind: 'event' }>
type ToldCalls = Extract<NamedEntry, { kind: 'calls' }>

/** An entry of a story as JSON. */
export type StoryDocument = (Omit<ToldEvent, 'event'> & { event: EventDocument }) | ToldCalls

export function storyDocument(entry: NamedEntry): StoryDocument {
  return entry.kind === 'event' ? { ...entry, event: eventDocument(entry.event) } : { ...entry }
}
