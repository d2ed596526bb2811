import type { Page } from 'playwright-core'

/** What somebody without a mouse does. */
const STEPS_MAX = 80

const focused = (page: Page): Promise<string> =>
  page.evaluate(`(() => {
    const active = document.activeElement
    const label = active.labels?.[0]?.textContent ?? active.textContent
    return (active.getAttribute('aria-label') ?? label).replaceAll(/\\s+/g, ' ').trim()
  })()`)

/** Tab by Tab, to what is called or labelled so; throws when the keyboard does not get there. */
export async function tabTo(page: Page, wanted: string | RegExp): Promise<void> {
  const is_wanted = (text: string) => (typeof wanted === 'string' ? text === wanted : wanted.test(text))
  const passed: string[] = []
  for (let step = 0; step < STEPS_MAX; step++) {
    const text = await focused(page)
    if (is_wanted(text)) return
    passed.push(text)
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not reach ${wanted}, only ${[...new Set(passed)].join(' | ')}`)
}

/** Goes there and presses it; a checkbox wants `Space`. */
export async function press(
  page: Page,
  wanted: string | RegExp,
  key: 'Enter' | 'Space' = 'Enter',
): Promise<void> {
  await tabTo(page, wanted)
  await page.keyboard.press(key)
}

export async function type(page: Page, label: string | RegExp, text: string): Promise<void> {
  await tabTo(page, label)
  await page.keyboard.type(text)
}

export async function arriveAt(page: Page, heading: string | RegExp): Promise<void> {
  await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
}
