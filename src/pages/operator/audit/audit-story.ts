import { perform } from '../../../actions/action.ts'
import { auditStory } from '../../../actions/audit.ts'
import type { StoryDocument } from '../../../audit/story/story-page.ts'
import { publicName } from '../../../audit/story/story-subject.ts'
import { storySentence } from '../../../audit/story/story-text.ts'
import { AppError } from '../../../base/errors.ts'
import { filledIn } from '../../filled-in.ts'
import type { Page, PageRoute } from '../../page.ts'
import { queryText, timeField } from './audit-query.ts'
import { timeText } from './audit-rows.ts'

/** What became of a grant, an account or a token, as people read it. */
const ENTRIES = 200

type Calls = Extract<StoryDocument, { kind: 'calls' }>

type Told = {
  at: string
  time: string
  sentence: string
  href: string
  /** What scopes opened, where it was not said just before. */
  tools?: string[] | undefined
  calls?: Pick<Calls, 'count' | 'denied' | 'inactive' | 'completed' | 'failed'> & {
    until: string
    client: string
    resource: string
  }
}

function toldCalls(page: Page, entry: Calls): Told {
  const { from, to, count, denied, inactive, completed, failed, grant_id, token_id, client_id, resource } =
    entry
  // To the millisecond after the last of them.
  const period = { from, to: new Date(to.getTime() + 1) }
  const which = { grant_id: grant_id ?? undefined, token_id: token_id ?? undefined }
  return {
    at: from.toISOString(),
    time: timeText(from),
    sentence: storySentence(entry),
    href: page.href(`/operator/audit${queryText({ ...which, ...period })}`),
    calls: {
      until: timeText(to),
      count,
      denied,
      inactive,
      completed,
      failed,
      client: entry.client_name ?? client_id ?? '',
      resource: resource ?? '',
    },
  }
}

function toldEntries(page: Page, entries: readonly StoryDocument[]): Told[] {
  let told_tools: string | undefined
  return entries.map((entry) => {
    if (entry.kind === 'calls') return toldCalls(page, entry)
    const { event, tools } = entry
    const is_new = tools !== undefined && tools.join(' ') !== told_tools
    if (is_new) told_tools = tools.join(' ')
    return {
      at: event.occurred_at.toISOString(),
      time: timeText(event.occurred_at),
      sentence: storySentence(entry),
      href: page.href(`/operator/audit/events/${event.id}`),
      ...(is_new && { tools }),
    }
  })
}

/** A form, so that a token stands in no address: the story of it is shown under its id. */
async function findStory(page: Page): Promise<void> {
  const named = (page.form.get('id') ?? '').trim()
  if (named === '') throw new AppError('invalid_input', 'Enter a grant id, an account, or a token')
  page.goTo(`/operator/audit/story/${encodeURIComponent(publicName(named))}`)
}

async function showStory(page: Page): Promise<void> {
  const id = String(page.ctx.params.id)
  if (publicName(id) !== id)
    throw new AppError(
      'invalid_input',
      'A token does not belong in an address, which logs and histories keep. Revoke it if it is live, and enter it on the page of the audit log.',
    )
  const path = `/operator/audit/story/${encodeURIComponent(id)}`
  const asked = filledIn(page.ctx.query)
  const input = { ...asked, id, limit: ENTRIES }
  const { kind, entries, from, continue_from } = await perform(auditStory, page, page.caller, input)
  const { to } = asked
  page.show('operator/audit-story', {
    kind,
    id,
    action: page.href(path),
    from: timeField(from),
    to: String(to ?? '').replace(/Z$/, ''),
    entries: toldEntries(page, entries),
    later:
      continue_from &&
      page.href(
        `${path}?${new URLSearchParams({ from: continue_from.toISOString(), ...(to && { to: String(to) }) })}`,
      ),
  })
}

export const AUDIT_STORY_PAGES: readonly PageRoute[] = [
  { method: 'post', path: '/operator/audit/story', needs: 'operator:read', handle: findStory },
  { method: 'get', path: '/operator/audit/story/:id', needs: 'operator:read', handle: showStory },
]
