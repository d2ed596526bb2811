import type { Exchange } from '../crawl/exchange.ts'
import { isLetIn, statusOf, statusText } from '../crawl/response.ts'
import type { TokenProbes } from '../crawl/token-probes.ts'
import { type Collected, notJudged, type Rule, rule, type Verdict, whereGuarded } from './rule.ts'
import { practice, STANDARD_HEADERS, transports } from './section.ts'

/** Does the transport keep apart what belongs to different people, and refuse what says two things at once? */
const withToken =
  (judge: (token: TokenProbes) => Verdict) =>
  ({ token }: Collected) => {
    if (!token) return notJudged('there is no token', '--token')
    return token.listed.tools ? judge(token) : notJudged('the token was refused', '--token')
  }

const withSession = (judge: (session_id: string, token: TokenProbes) => Verdict) =>
  whereGuarded(
    withToken((token) =>
      token.session_id === undefined
        ? notJudged('the server has no sessions')
        : judge(token.session_id, token),
    ),
  )

const letIn = (
  response: Exchange | undefined,
  what: string,
  not_judged = notJudged('it was not asked'),
): Verdict => (response ? isLetIn(response) && `${what}: ${statusText(response)} with a result` : not_judged)

/** Short, or counted up. */
const isGuessable = (id: string) => id.length < 16 || /^\d+$/.test(id)

export const TRANSPORT_RULES: Rule[] = [
  rule('transport.headers', 'high', STANDARD_HEADERS, {
    title: 'Headers that disagree with the body are believed or passed over',
    remediation: 'Refuse with 400 and -32020 when Mcp-Method or Mcp-Name is not what the body says.',
    judge: withToken(({ disagreeing }) =>
      letIn(
        disagreeing,
        'tools/list under the header Mcp-Method: ping',
        notJudged('the server does not speak 2026-07-28'),
      ),
    ),
  }),
  rule('transport.batch', 'low', transports('sending-messages-to-the-server'), {
    title: 'Batches run in a revision that has none',
    remediation: 'Refuse a body that is a list with 400 from 2025-06-18 on.',
    judge: withToken(({ batch }) =>
      letIn(batch, 'a batch of two requests', notJudged('the server speaks no revision without batches')),
    ),
  }),
  rule('transport.session-login', 'critical', practice('session-hijacking'), {
    title: 'A session id is enough to get in',
    remediation: 'Check the token at every request; a session id authenticates no one.',
    judge: withSession((_, { session_alone }) => letIn(session_alone, 'the session without its token')),
  }),
  rule('transport.session-hijack', 'high', practice('session-hijacking'), {
    title: 'The token of another user works in a session',
    remediation: 'Bind each session to the user whose token began it, and answer 404 to all others.',
    judge: withSession((_, { session_of_other }) =>
      letIn(
        session_of_other,
        'the session of one with the token of another',
        notJudged('there is no second token', '--second-token'),
      ),
    ),
  }),
  rule('transport.session-guessable', 'high', transports('session-management'), {
    title: 'Session ids can be guessed',
    remediation: 'Make session ids of at least 128 random bits.',
    judge: withSession(
      (session_id) => isGuessable(session_id) && `a session id of ${session_id.length} characters`,
    ),
  }),
  rule('transport.unknown-session', 'medium', transports('session-management'), {
    title: 'A session that does not exist is not answered 404',
    remediation: 'Answer 404 to a session id that is unknown or over, so that clients open a new session.',
    judge: withSession((_, { unknown_session }) =>
      unknown_session
        ? statusOf(unknown_session) !== 404 && `an unknown session id: ${statusText(unknown_session)}`
        : notJudged('it was not asked'),
    ),
  }),
]
