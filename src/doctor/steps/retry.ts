import { responseTo } from '../crawl/http-cache.ts'
import { evidenceOf } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type Step, warns } from './client-state.ts'

/** The request once more, with a token. Without a person there is none, so that the token is one that was never issued. */
export const retry: Step = ({ crawl }) => {
  const response = responseTo(crawl, 'unknown token', crawl.url)
  if (response?.outcome !== 'answered') return undefined
  const { status } = response
  if (status < 300) return warns(finding('bad_token_let_in', evidenceOf(response)))
  // 405 and the like: it does not take GET, which says nothing about tokens.
  if (status < 500 && status !== 403) return undefined
  return warns(finding('bad_token_not_401', evidenceOf(response), { status }))
}
