/**
 * Pure: which schemes of apps may receive codes. RFC 8252 §7.1 asks for the reverse of a domain name that the app's makers
 * hold; the apps that people connect to MCP servers have shorter ones. By a list and not by what is refused: browsers and
 * operating systems have hundreds of schemes that do something else with an address.
 */
const KNOWN_APPS: ReadonlySet<string> = new Set([
  'antigravity',
  'cherrystudio',
  'claude',
  'codex',
  'cursor',
  'goose',
  'jetbrains',
  'kiro',
  'librechat',
  'lmstudio',
  'raycast',
  'trae',
  'vscode',
  'vscode-insiders',
  'vscodium',
  'warp',
  'windsurf',
  'zed',
])

/** Of country codes there are only two-letter ones; of the others these are what apps are named by. */
const GENERIC_TOP_LEVEL =
  'academy ag agency app art bar best biz blog build business center chat club codes com company computer dev digital edu email engineering expert foundation fun global gov group guru help host info ink int international land life link live llc ltd market media mobi monster name net network news nl ninja one online org page partners people press pro pub run school science services shop site software solutions space store studio support systems team tech technology today tools top training university ventures wiki work works world xyz zone'
const TOP_LEVEL: ReadonlySet<string> = new Set(GENERIC_TOP_LEVEL.split(' '))

const REVERSE_DOMAIN = /^(?<top>[a-z]{2,})(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)+$/

/** Whether an app may be reached at `scheme` (without its colon): a reversed domain name, a known app, or one of `more`. */
export function isAppScheme(scheme: string, more: readonly string[] = []): boolean {
  if (KNOWN_APPS.has(scheme) || more.includes(scheme)) return true
  const top = REVERSE_DOMAIN.exec(scheme)?.groups?.top
  return top !== undefined && (top.length === 2 || TOP_LEVEL.has(top))
}
