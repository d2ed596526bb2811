import { responseTo } from '../crawl/http-cache.ts'
import { evidenceOf } from '../finding.ts'
import { isLocal } from '../probe/local-address.ts'
import { finding } from './client-findings.ts'
import { type Step, stops, warns } from './client-state.ts'
import { arrivalFault, pageFault } from './faults.ts'

/** The first step: does an MCP server answer at the URL? */
const WHAT = 'The MCP URL'

export const reach: Step = (state) => {
  const { crawl, profile } = state
  const response = responseTo(crawl, 'initialize', crawl.url)
  if (!response) return undefined
  const fault = arrivalFault({ response }, WHAT)
  if (fault || response.outcome === 'failed') return stops(fault)
  state.first = response
  const { status } = response
  if ([404, 405, 410].includes(status))
    return stops(finding('no_mcp_endpoint', evidenceOf(response), { status }))
  const page = pageFault(response, WHAT)
  if (page && (status < 300 || page.id === 'login_page')) return stops(page)
  const preflight = responseTo(crawl, 'preflight', crawl.url)
  const is_closed = preflight?.outcome === 'answered' && !preflight.headers.has('access-control-allow-origin')
  return [
    exposure(new URL(crawl.url), profile.hosted),
    profile.in_browser && is_closed ? warns(finding('mcp_cors_missing', evidenceOf(preflight))) : undefined,
  ]
}

function exposure(url: URL, is_hosted = false) {
  const evidence = { method: 'POST', url: url.origin }
  if (is_hosted && isLocal(url)) return warns(finding('not_public', evidence))
  return url.protocol === 'http:' && !isLocal(url) ? warns(finding('http', evidence)) : undefined
}
