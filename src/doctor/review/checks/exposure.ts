/** Checks: one file for each theme. Each check is small, asks nothing, and judges what was collected. */
import { type Check, foundIf, notMade, PASSED } from '../finding.ts'
import { SECTION } from '../section.ts'
import { claimsAuthorization, isLetIn, isOpen } from '../seen.ts'

/** Does the way in which the server is protected fit from where it can be reached? */
export const EXPOSURE_CHECKS: Check[] = [
  {
    id: 'exposure.open',
    title: 'Anybody who reaches this address can list and use the tools',
    severity: 'critical',
    section: SECTION.transport_security,
    mend: 'Require a token for every request, or listen on a loopback address or over stdio only.',
    judge: (seen) =>
      foundIf(
        isOpen(seen) && !seen.is_loopback && !claimsAuthorization(seen),
        'tools/list without a token was answered with tools, at an address that is not loopback',
      ),
  },
  {
    id: 'exposure.list-open',
    title: 'The server says that it needs a token, and lists its tools without one',
    severity: 'high',
    section: SECTION.access_token_usage,
    mend: 'Put the check of the token in front of every MCP method, initialize and tools/list included.',
    judge: (seen) =>
      foundIf(
        isOpen(seen) && claimsAuthorization(seen),
        'tools/list without a token was answered with tools',
      ),
  },
  {
    id: 'exposure.rebinding',
    title: 'A page in a browser on this machine can use the tools (DNS rebinding)',
    severity: 'high',
    section: SECTION.transport_security,
    mend: 'Refuse with 403 every request whose Host or Origin header is not one that you expect.',
    judge(seen) {
      const { foreign_origin, foreign_host, is_loopback } = seen
      if (!is_loopback || !isOpen(seen)) return PASSED
      const let_in = [
        foreign_origin && isLetIn(foreign_origin) ? 'Origin' : '',
        foreign_host && isLetIn(foreign_host) ? 'Host' : '',
      ].filter(Boolean)
      return foundIf(
        let_in.length > 0,
        `a request with a foreign ${let_in.join(' and ')} header was answered`,
      )
    },
  },
  {
    id: 'exposure.plain-http',
    title: 'Tokens travel unencrypted',
    severity: 'high',
    section: SECTION.communication,
    mend: 'Serve the MCP endpoint by https only.',
    judge(seen) {
      if (isOpen(seen)) return notMade('the server asks for no token')
      const is_plain = new URL(seen.options.url).protocol === 'http:' && !seen.is_loopback
      return foundIf(is_plain, 'the server asks for a token by http, at an address that is not loopback')
    },
  },
]
