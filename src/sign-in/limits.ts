import { createHmac } from 'node:crypto'
import { networkOf, siteOf } from '../base/network.ts'
import type { Counter } from './attempt-store.ts'

/**
 * How often somebody may be wrong in 15 minutes. A browser that signed in to this account before has a limit of its own,
 * which no stranger can use up. Everybody else is counted by where they come from, and at last by the account: nobody gets
 * as many guesses as they have addresses.
 */
export const WINDOW_SECONDS = 15 * 60

const OF_ACCOUNT_FROM_SITE = 10
const OF_ACCOUNT = 100
const OF_NETWORK = 100
const OF_SITE = 400
const OF_BROWSER = 10

export type Guess = {
  username: string
  /** Where a name that was typed is no account, there is none. */
  account_id: string | undefined
  ip: string | undefined
  /** The browser that is known to this account, by its id. */
  browser: string | undefined
}

/** Counted one after the other, each only while those before are not reached: who is refused uses up nothing of others. */
export type Limits = { first: Counter[]; last: Counter[]; on_success: { forget: Buffer } }

/** What is typed as a username may be a password, and digests of passwords can be tried: so a key goes into them. */
function digest(secret: string, ...parts: string[]): Buffer {
  return createHmac('sha256', secret)
    .update(JSON.stringify(['sign-in', ...parts]))
    .digest()
}

export function limitsOf(secret: string, { username, account_id, ip, browser }: Guess): Limits {
  if (browser !== undefined) {
    const key = digest(secret, 'browser', username, browser)
    return { first: [{ key, max: OF_BROWSER, account_id }], last: [], on_success: { forget: key } }
  }
  const [network, site] = [networkOf(ip), siteOf(ip)]
  const from_site = digest(secret, 'account from site', username, site)
  return {
    first: [
      { key: from_site, max: OF_ACCOUNT_FROM_SITE, account_id },
      { key: digest(secret, 'network', network), max: OF_NETWORK },
      ...(site === network ? [] : [{ key: digest(secret, 'site', site), max: OF_SITE }]),
    ],
    last: [{ key: digest(secret, 'account', username), max: OF_ACCOUNT, account_id }],
    on_success: { forget: from_site },
  }
}
