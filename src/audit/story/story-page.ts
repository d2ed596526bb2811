import { type NamedEntry, type StoryDependencies, type StoryOptions, tellStory } from './story.ts'
import type { StorySubject } from './story-subject.ts'

/** Part of a story; told on with `from` = `continue_from`. */
export type StoryPage = { entries: NamedEntry[]; continue_from?: Date }

function beginOf(entry: NamedEntry): Date {
  return entry.kind === 'event' ? entry.event.occurred_at : entry.from
}

function endOf(entry: NamedEntry): Date {
  return entry.kind === 'event' ? entry.event.occurred_at : entry.to
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
    const begin = beginOf(entry)
    if (entries.length >= limit && begin.getTime() > end_ms) return { entries, continue_from: begin }
    entries.push(entry)
    end_ms = Math.max(end_ms, endOf(entry).getTime())
  }
  return { entries }
}
