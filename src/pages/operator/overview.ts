import { perform } from '../../actions/action.ts'
import { showOverview } from '../../actions/overview.ts'
import type { Page, PageRoute } from '../page.ts'
import { stackedBars } from './chart.ts'

/** What an operator sees first. */
async function overviewPage(page: Page): Promise<void> {
  const overview = await perform(showOverview, page, page.caller, { ...page.ctx.query })
  const total = (kind: 'allowed' | 'denied' | 'other') =>
    overview.hours.reduce((sum, hour) => sum + hour[kind], 0)
  const totals = { allowed: total('allowed'), denied: total('denied'), other: total('other') }
  page.show('operator/overview', { ...overview, totals, chart: stackedBars(overview.hours) })
}

export const OVERVIEW_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator', needs: 'operator:read', handle: overviewPage },
]
