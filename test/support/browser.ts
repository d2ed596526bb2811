import chromium from '@sparticuz/chromium'
import { type Browser, type LaunchOptions, type Page, chromium as playwright } from 'playwright-core'

/** A real headless Chromium: the one that the package brings, else the Chrome that is installed. */
async function candidates(): Promise<LaunchOptions[]> {
  const args = ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none']
  const installed = { channel: 'chrome', args }
  if (process.platform !== 'linux' || process.arch !== 'x64') return [installed]
  return [{ executablePath: await chromium.executablePath(), args }, installed]
}

/** Launches one, or says in words why there is none here. */
export async function launchBrowser(): Promise<Browser | { reason: string }> {
  const reasons: string[] = []
  for (const options of await candidates()) {
    try {
      return await playwright.launch({ headless: true, ...options })
    } catch (error) {
      reasons.push(String(error).split('\n')[0] ?? '')
    }
  }
  return { reason: `no Chromium can run here: ${reasons.join('; ')}` }
}

/** Everything that the page complains about: console messages, which include CSP violations, and errors. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`))
  return complaints
}
