import chromium from '@sparticuz/chromium'
import { type Browser, type LaunchOptions, type Page, chromium as playwright } from 'playwright-core'

const args = ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none']

/** The Chromium that a package brings, for Linux on x64. */
async function packaged(): Promise<LaunchOptions> {
  return { executablePath: await chromium.executablePath(), args }
}

/** The Chrome that is installed on this machine. */
async function installed(): Promise<LaunchOptions> {
  return { channel: 'chrome', args }
}

/** Launches a real headless Chromium, or says in words why there is none here. */
export async function launchBrowser(): Promise<Browser | { reason: string }> {
  const reasons: string[] = []
  for (const candidate of [packaged, installed]) {
    try {
      return await playwright.launch({ headless: true, ...(await candidate()) })
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
