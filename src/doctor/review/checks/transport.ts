import type { Exchange } from '../../probe/exchange.ts'
import { type Check, foundIf, notMade, type Verdict } from '../finding.ts'
import { SECTION } from '../section.ts'
import { isLetIn, isOpen, type Seen, type SeenToken, statusOf, statusText } from '../seen.ts'

/** Does the transport keep apart what belongs to different people, and refuse what says two things at once? */
function withToken(seen: Seen, judge: (token: SeenToken) => Verdict): Verdict {
  if (!seen.token) return notMade('there is no token', '--token')
  return seen.token.listed.tools ? judge(seen.token) : notMade('the token was refused', '--token')
}

function withSession(seen: Seen, judge: (session_id: string, token: SeenToken) => Verdict): Verdict {
  if (isOpen(seen)) return notMade('the server asks for no token')
  return withToken(seen, (token) =>
    token.session_id === undefined ? notMade('the server has no sessions') : judge(token.session_id, token),
  )
}

const letIn = (answer: Exchange | undefined, what: string): Verdict =>
  answer
    ? foundIf(isLetIn(answer), `${what}: ${statusText(answer)} with a result`)
    : notMade('it was not asked')

/** Short, or counted up. */
const isGuessable = (id: string) => id.length < 16 || /^\d+$/.test(id)

export const TRANSPORT_CHECKS: Check[] = [
  {
    id: 'transport.headers',
    title: 'Headers that disagree with the body are believed or passed over',
    severity: 'high',
    section: SECTION.headers,
    mend: 'Refuse with 400 and -32020 when Mcp-Method or Mcp-Name is not what the body says.',
    judge: (seen) =>
      withToken(seen, ({ disagreeing }) =>
        disagreeing
          ? letIn(disagreeing, 'tools/list under the header Mcp-Method: ping')
          : notMade('the server does not speak 2026-07-28'),
      ),
  },
  {
    id: 'transport.batch',
    title: 'Batches run in a revision that has none',
    severity: 'low',
    section: SECTION.sending,
    mend: 'Refuse a body that is a list with 400 from 2025-06-18 on.',
    judge: (seen) =>
      withToken(seen, ({ batch }) =>
        batch
          ? letIn(batch, 'a batch of two requests')
          : notMade('the server speaks no revision without batches'),
      ),
  },
  {
    id: 'transport.session-login',
    title: 'A session id is enough to get in',
    severity: 'critical',
    section: SECTION.hijacking,
    mend: 'Check the token at every request; a session id authenticates nobody.',
    judge: (seen) =>
      withSession(seen, (_, { session_alone }) => letIn(session_alone, 'the session without its token')),
  },
  {
    id: 'transport.session-hijack',
    title: "Somebody else's token works in a session",
    severity: 'high',
    section: SECTION.hijacking,
    mend: 'Bind each session to the user whose token opened it, and answer 404 to everybody else.',
    judge: (seen) =>
      withSession(seen, (_, { session_of_other }) =>
        session_of_other
          ? letIn(session_of_other, 'the session of one with the token of another')
          : notMade('there is no second token', '--second-token'),
      ),
  },
  {
    id: 'transport.session-guessable',
    title: 'Session ids can be guessed',
    severity: 'high',
    section: SECTION.sessions,
    mend: 'Make session ids of at least 128 random bits.',
    judge: (seen) =>
      withSession(seen, (session_id) =>
        foundIf(isGuessable(session_id), `a session id of ${session_id.length} characters`),
      ),
  },
  {
    id: 'transport.unknown-session',
    title: 'A session that does not exist is not answered 404',
    severity: 'medium',
    section: SECTION.sessions,
    mend: 'Answer 404 to a session id that is unknown or over, so that clients open a new session.',
    judge: (seen) =>
      withSession(seen, (_, { unknown_session }) =>
        unknown_session
          ? foundIf(
              statusOf(unknown_session) !== 404,
              `an unknown session id: ${statusText(unknown_session)}`,
            )
          : notMade('it was not asked'),
      ),
  },
]
