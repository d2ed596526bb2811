import { perform } from '../../../actions/action.ts'
import { explainDenial } from '../../../actions/explanation.ts'
import type { Page, PageRoute } from '../../page.ts'

const PARTY = {
  user: 'The user',
  client: 'The client',
  mcp_server: 'The MCP server',
  operator: 'An operator',
}

/** Why an event refused somebody, in plain words. */
async function explanationPage(page: Page): Promise<void> {
  const { id } = page.ctx.params
  const { event, reasons, remedies, verdict } = await perform(explainDenial, page, page.caller, { id })
  const can = remedies.map(({ who, what }) => ({ who: PARTY[who], what }))
  page.show('operator/explanation', { event, reasons, remedies: can, verdict })
}

export const EXPLANATION_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator/audit/explain/:id', needs: 'operator:read', handle: explanationPage },
]
