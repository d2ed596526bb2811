/**
 * What the operator's and the user's pages share: who is signed in, forms that only their own page can send, and how
 * a page is shown. A page is a row of a table, so that what guards it can be tested for every one.
 */
import type { Context } from 'koa'
import type { OperatorScope } from '../accounts/operator-scopes.ts'
import type { PageSession } from '../accounts/sessions/page-sessions.ts'
import type { ActionContext, Caller } from '../actions/action.ts'
import type { EventFeed } from '../audit/live/event-feed.ts'
import type { Form } from '../http/form.ts'
import type { Renderer } from '../http/render.ts'

export type PageDependencies = ActionContext & {
  /** New events of the audit log. */
  feed: EventFeed
  render: Renderer
  /** Protects forms. */
  form_key: string
}

/** One request of somebody who is signed in and may see the page. */
export type Page = PageDependencies & {
  ctx: Context
  session: PageSession
  /** As actions know this person. */
  caller: Caller
  /** Of a POST, after it proved that it comes from a page of this session; empty for a GET. */
  form: Form
  /** Sends the view with what every page needs. */
  show(view: string, data: object): void
  /** After a POST: sends the browser to `path` (below the issuer) and tells it `notice` there, once. */
  goTo(path: string, notice?: string): void
  /** `path` with the issuer's path in front, for links. */
  href(path: string): string
}

export type PageRoute = {
  method: 'get' | 'post'
  /** Below the issuer, with `:name` for what varies. */
  path: string
  /** What somebody who is signed in must hold besides. */
  needs: 'account' | OperatorScope
  /** Names in the form that may come more than once. */
  lists?: readonly string[]
  /** Of the largest form; 64 KB where absent. */
  form_limit_bytes?: number
  handle(page: Page): Promise<void>
}
