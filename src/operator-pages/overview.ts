import type { Page, PageRoute } from '../pages/page.ts'

async function showOverview(page: Page): Promise<void> {
  page.show('operator/overview', {})
}

export const OVERVIEW_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator', needs: 'operator:read', handle: showOverview },
]
