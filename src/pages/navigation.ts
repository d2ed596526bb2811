export type NavigationEntry = { href: string; label: string; current: boolean }

const OPERATOR_ENTRIES = [
  ['/operator', 'Overview'],
  ['/operator/grants', 'Grants'],
  ['/operator/clients', 'Clients'],
  ['/operator/accounts', 'Accounts'],
  ['/operator/catalogue', 'Catalogue'],
  ['/operator/personal-tokens', 'Personal tokens'],
  ['/operator/resource-servers', 'Resource servers'],
  ['/operator/operator-tokens', 'Operator tokens'],
  ['/operator/audit', 'Audit log'],
] as const

const ACCOUNT_ENTRIES = [
  ['/account', 'Connected apps'],
  ['/account/tokens', 'Personal tokens'],
  ['/account/sessions', 'Sessions'],
  ['/account/activity', 'Activity'],
] as const

/** Found on the page of another entry than the one above it. */
const FOUND_ON: Readonly<Record<string, string>> = { '/account/password': '/account/sessions' }

/** The entries for where one is; who may see both sides gets a way across. `path` is the path of the page below the issuer. */
export function navigation(
  scopes: ReadonlySet<string>,
  path: string,
  href: (path: string) => string,
): NavigationEntry[] {
  const is_operator = scopes.has('operator:read')
  const is_operator_page = path === '/operator' || path.startsWith('/operator/')
  const entries: [string, string][] = is_operator_page
    ? [...OPERATOR_ENTRIES, ['/account', 'Your account']].map(
        ([to, label]) => [to, label] as [string, string],
      )
    : [...ACCOUNT_ENTRIES, ...(is_operator ? ([['/operator', 'Operator']] as const) : [])].map(
        ([to, label]) => [to, label] as [string, string],
      )
  const place = FOUND_ON[path] ?? path
  const current = entries
    .map(([to]) => to)
    .filter((to) => place === to || place.startsWith(`${to}/`))
    .toSorted((one, other) => other.length - one.length)[0]
  return entries.map(([to, label]) => ({ href: href(to), label, current: to === current }))
}
