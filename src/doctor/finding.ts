import { displayText, displayUrl } from './crawl/display-text.ts'
import type { Exchange } from './crawl/exchange.ts'

/** What is wrong with a deployment, as the doctor and the review say it. */
export type Finding = {
  /** Its name for programs. */
  id: string
  /** What is wrong. */
  title: string
  /** What to change. */
  remediation: string
  evidence: Evidence
}

/** Where it was seen, and what was there. */
export type Evidence = { method?: string; url?: string; status?: number; seen?: string }

export function evidenceOf(response: Exchange, seen?: unknown): Evidence {
  return {
    method: response.method,
    url: displayUrl(response.url),
    ...(response.outcome === 'answered' ? { status: response.status } : {}),
    ...(seen === undefined ? {} : { seen: displayText(seen) }),
  }
}

export function evidenceText({ method, url, status, seen }: Evidence): string {
  const request = [method, url, status && `→ ${status}`].filter(Boolean).join(' ')
  return [request, seen].filter(Boolean).join(', ')
}
