import { definitionOf } from '../events/audit-event.ts'
import type { Told } from '../events/event-definition.ts'
import type { CallGroup } from './story-grouping.ts'
import { by, clean, short } from './words.ts'

/** A story in words, for people. */
function day(time: Date): string {
  return time.toISOString().slice(0, 10)
}

function clock(time: Date): string {
  return time.toISOString().slice(11, 19)
}

type Entry = Omit<Told<unknown>, 'detail'>
type ToldEvent = Entry & { kind: 'event'; tools?: string[] | undefined }

/** One event in words, whatever it holds. */
export function eventSentence(entry: Entry): string {
  const { event } = entry
  const told = { ...entry, detail: (event.detail ?? {}) as Record<string, never> }
  return definitionOf(event.type)?.sentence(told) ?? `${clean(event.type)}${by(told)}`
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function calls({
  called,
  count,
  denied,
  inactive,
  completed,
  failed,
  reported,
  token_id,
}: CallGroup): string {
  // Their decisions were told before.
  const counted = count === 0 ? `the end of ${plural(completed, 'call')}` : plural(count, 'call')
  const what = called === null ? plural(count, 'introspection') : `${counted} of ${clean(called)}`
  const refused = denied === 0 ? '' : `, ${denied} denied`
  const dead = inactive === 0 ? '' : `, ${inactive} with a token that was not live`
  const bad = failed === 0 ? '' : `, ${failed} failed as the server says`
  const said = reported === 0 ? '' : `, ${reported} decided by the server as it says`
  return `${what}${refused}${dead}${bad}${said}, token ${short(token_id)}`
}

/** One entry in words, without its time. */
export function storySentence(entry: ToldEvent | CallGroup): string {
  return entry.kind === 'calls' ? calls(entry) : eventSentence(entry)
}

/** The lines of one entry. Times are UTC; `told_tools` remembers across entries what was said already of a grant. */
export function storyLines(entry: ToldEvent | CallGroup, told_tools: Map<string, string>): string[] {
  if (entry.kind === 'calls') {
    const { from, to } = entry
    const is_same_day = day(from) === day(to)
    const end = is_same_day ? clock(to) : `${day(to)} ${clock(to)}`
    const until = is_same_day && clock(from) === clock(to) ? '' : `–${end}`
    return [`${day(from)} ${clock(from)}${until}  ${calls(entry)}`]
  }
  const { event } = entry
  const lines = [`${day(event.occurred_at)} ${clock(event.occurred_at)}  ${eventSentence(entry)}`]
  const tools = entry.tools?.map(clean).join(', ')
  if (tools === undefined || told_tools.get(event.grant_id ?? '') === tools) return lines
  told_tools.set(event.grant_id ?? '', tools)
  return [...lines, `                     which opens ${tools || 'no tool'}`]
}
