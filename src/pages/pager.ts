import type { Page } from './page.ts'

/** The address of the page of a list that follows this one: the same filters, with the cursor `next`. */
export function olderHref(
  { ctx, href }: Pick<Page, 'ctx' | 'href'>,
  next: string | undefined,
): string | undefined {
  if (next === undefined) return undefined
  const query = new URLSearchParams(ctx.querystring)
  query.set('after', next)
  return `${href(ctx.path)}?${query}`
}
