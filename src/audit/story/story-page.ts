import { type EventDocument, eventDocument } from '../export/json-lines.ts'
import { type NamedEntry, type StoryDependencies, type StoryOptions, tellStory } from './story.ts'
import type { StorySubject } from './story-subject.ts'

/** Part of a story; told on with `from` = `continue_from`. */
export type StoryPage = { entries: NamedEntry[]; continue_from?: Date }

function timesOf(entry: NamedEntry): { from: Date; to: Date } {
  return entry.kind === 'calls' ? entry : { from: entry.event.occurred_at, to: entry.event.occurred_at }
}

/**
 * About `limit` entries, a few more where the last of them are of one moment or their calls overlap: nothing is told
 * on both of two pages.
 */
export async function pageStory(
  dependencies: StoryDependencies,
  subject: StorySubject,
  { limit, ...options }: StoryOptions & { limit: number },
): Promise<StoryPage> {
  const entries: NamedEntry[] = []
  let end_ms = Number.NEGATIVE_INFINITY
  for await (const entry of tellStory(dependencies, subject, options)) {
    const { from, to } = timesOf(entry)
    if (entries.length >= limit && from.getTime() > end_ms) return { entries, continue_from: from }
    entries.push(entry)
    end_ms = Math.max(end_ms, to.getTime())
  }
  return { entries }
}

type ToldEvent = Extract<NamedEntry, { kind: 'event' }>
type ToldCalls = Extract<NamedEntry, { kind: 'calls' }>

/** An entry of a story as JSON. */
export type StoryDocument = (Omit<ToldEvent, 'event'> & { event: EventDocument }) | ToldCalls

export function storyDocument(entry: NamedEntry): StoryDocument {
  return entry.kind === 'event' ? { ...entry, event: eventDocument(entry.event) } : { ...entry }
}
