import type { Step } from '../journey.ts'
import { failureOf, isHtml, pageOf, redirectOf, serverFaultOf } from '../mistakes.ts'
import { isLocal } from '../probe/local-address.ts'
import { evidenceOf, type Finding, fails, warns } from '../problem.ts'
import { visitOf } from '../walk.ts'

/** The steps on the way from a URL to an answer with a token, each as one client takes it. First: is somebody there? */
const WHAT = 'The MCP URL'

export const reach: Step = (journey) => {
  const { walk } = journey
  const visit = visitOf(walk, 'initialize', walk.url)
  const answer = visit?.hops[0]
  if (!visit || !answer) return []
  const broken = failureOf(answer, WHAT) ?? redirectOf(visit, answer, WHAT) ?? serverFaultOf(answer, WHAT)
  if (broken || answer.outcome === 'failed') return broken ? [fails(broken)] : []
  journey.first = answer
  if (answer.status === 404 || answer.status === 405 || answer.status === 410)
    return [
      fails({
        mistake: 'no_mcp_endpoint',
        says: `At this URL is no MCP endpoint: a POST is answered with status ${answer.status}.`,
        mend: 'Type the whole URL with its path, such as /mcp; where that is right, let the proxy pass the path and POST on.',
        evidence: evidenceOf(answer),
      }),
    ]
  const page = answer.status < 300 || isHtml(answer) ? pageOf(answer, WHAT) : undefined
  if (page && (answer.status < 300 || page.mistake === 'login_page')) return [fails(page)]
  return [...exposure(journey), ...crossOrigin(journey)]
}

function exposure({ profile, walk }: Parameters<Step>[0]): Finding[] {
  const url = new URL(walk.url)
  const evidence = { method: 'POST', url: url.origin }
  if (profile.hosted && isLocal(url))
    return [
      warns({
        mistake: 'not_public',
        says: 'The MCP URL is local to this machine or network, and this client asks from the network of its vendor.',
        mend: 'Give it a public URL before you connect this client.',
        evidence,
      }),
    ]
  if (url.protocol === 'http:' && !isLocal(url))
    return [
      warns({
        mistake: 'http',
        says: 'The MCP URL is plain http, so that tokens travel for everybody to read, and many clients refuse it.',
        mend: 'Serve it with https.',
        evidence,
      }),
    ]
  return []
}

function crossOrigin({ profile, walk }: Parameters<Step>[0]): Finding[] {
  const preflight = visitOf(walk, 'preflight', walk.url)?.hops[0]
  if (!profile.in_browser || preflight?.outcome !== 'answered') return []
  if (preflight.headers.has('access-control-allow-origin')) return []
  return [
    warns({
      mistake: 'cors_missing',
      says: 'The MCP URL has no CORS headers, so that a page in a browser cannot call it; the Inspector then needs its proxy.',
      mend: 'Answer OPTIONS with Access-Control-Allow-Origin and allow Authorization, Content-Type and Mcp-Protocol-Version.',
      evidence: evidenceOf(preflight),
    }),
  ]
}
