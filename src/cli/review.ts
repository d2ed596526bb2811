import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { AppError } from '../base/errors.ts'
import { findResource } from '../catalogue/catalogue.ts'
import { parseCatalogue } from '../catalogue/catalogue-file.ts'
import { environmentVariable } from '../config/config.ts'
import { ACTIVE_STEPS } from '../doctor/active/run.ts'
import type { ReviewOptions } from '../doctor/crawl/mcp-prober.ts'
import { reportLines } from '../doctor/report/review-report.ts'
import { sarifOf } from '../doctor/report/sarif.ts'
import { type Review, review } from '../doctor/review.ts'
import { isAtLeast, SEVERITIES, type Severity } from '../doctor/rules/rule.ts'
import type { Resource } from '../permission/scopes.ts'
import { wrongUsageEndsWith } from './output.ts'

type Options = Partial<Record<'token' | 'secondToken' | 'foreignToken' | 'expiredToken', string>> &
  Partial<Record<'readOnlyToken' | 'operatorToken' | 'refreshToken' | 'clientId', string>> &
  Partial<Record<'catalogue' | 'sarif' | 'strategy' | 'grace' | 'issuer', string>> & {
    active?: true
    json?: true
    failOn: string
    timeout: string
  }

/** 0: nothing at or above --fail-on; 1: something; 2: it is not known. */
const EXIT = { findings: 1, unreviewed: 2 } as const

const HELP = `
A token is given as env:NAME (an environment variable), @FILE or as it is; the first two keep it out of the process list.
Ends with 0 when nothing was found at or above --fail-on, 1 when something was, 2 when the server could not be reviewed.

--active, in this order:
${ACTIVE_STEPS.map((step) => `  - ${step}`).join('\n')}

Example:
  toolgate review https://notes.example/mcp --token env:NOTES_TOKEN --sarif review.sarif`

/** Adds `review URL`, which needs no database and no configuration. */
export function registerReviewCommand(program: Command): void {
  wrongUsageEndsWith(EXIT.unreviewed, program.command('review <url>'))
    .description(
      'review an MCP deployment, ours or not: findings with severity, section and remediation; only reads',
    )
    .option('--token <token>', 'one that the server accepts')
    .option('--second-token <token>', 'one of another account: must not work in the session of the first')
    .option('--foreign-token <token>', 'one for another resource: must be refused')
    .option('--expired-token <token>', 'one that has expired: must be refused')
    .option('--read-only-token <token>', 'one that must see, and with --active call, only what reads')
    .option('--catalogue <file>', "Toolgate's catalogue, in which every tool must have a scope")
    .option('--strategy <strategy>', 'oauth, or token: personal tokens without an OAuth flow', 'oauth')
    .option('--active', 'also do what is no read; says what, and needs a person or --refresh-token')
    .option('--client-id <id>', 'with --active: the client to be, instead of registering one')
    .option('--refresh-token <token>', 'with --active and --client-id: instead of signing in; it is spent')
    .option('--operator-token <token>', "with --active: looks for the calls in Toolgate's audit log")
    .option('--issuer <url>', 'the only authorization server that may get the two tokens above')
    .option('--grace <seconds>', 'with --active: for how long a spent refresh token may be repeated', '35')
    .option('--fail-on <severity>', `${SEVERITIES.join(', ')}`, 'high')
    .option('--timeout <seconds>', 'of each request', '10')
    .option('--sarif <file>', 'also write SARIF 2.1.0')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .action(run)
}

/** Whatever keeps it from reviewing ends with 2, so that 1 always means findings. */
async function run(url: string, options: Options): Promise<void> {
  try {
    const fail_on = readSeverity(options.failOn)
    const asked = readOptions(url, options)
    if (asked.active) announce()
    const result = await review(asked, (step) => process.stderr.write(`review: ${step}\n`))
    if ('unreviewed' in result) throw new AppError('unavailable', result.unreviewed)
    print(result, options)
    if (result.findings.some(({ severity }) => isAtLeast(severity, fail_on))) process.exitCode = EXIT.findings
    writeSarif(result, options)
  } catch (error) {
    console.error(`toolgate: nothing was reviewed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = EXIT.unreviewed
  }
}

/** After the findings are shown: what cannot be written must not take them away. */
function writeSarif(result: Review, { sarif }: Options): void {
  if (sarif === undefined) return
  try {
    writeFileSync(sarif, `${JSON.stringify(sarifOf(result), null, 2)}\n`)
  } catch (error) {
    console.error(
      `toolgate: --sarif could not be written: ${error instanceof Error ? error.message : String(error)}`,
    )
    process.exitCode = EXIT.unreviewed
  }
}

function print(result: Review, { json }: Options): void {
  if (json) console.log(JSON.stringify(result, null, 2))
  else for (const line of reportLines(result)) console.log(line)
}

function announce(): void {
  for (const line of ['--active:', ...ACTIVE_STEPS.map((step) => `  - ${step}`)])
    process.stderr.write(`${line}\n`)
}

function readOptions(url: string, options: Options): ReviewOptions {
  const parsed = URL.parse(url)
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.username || parsed.hash)
    throw new AppError(
      'invalid_input',
      'the URL is an http or https address without a user name and fragment',
    )
  const { strategy } = options
  if (strategy !== 'oauth' && strategy !== 'token')
    throw new AppError('invalid_input', '--strategy is oauth or token')
  return {
    url,
    strategy,
    timeout_ms: readSeconds('--timeout', options.timeout),
    token: readSecret('--token', options.token),
    second_token: readSecret('--second-token', options.secondToken),
    foreign_token: readSecret('--foreign-token', options.foreignToken),
    expired_token: readSecret('--expired-token', options.expiredToken),
    read_only_token: readSecret('--read-only-token', options.readOnlyToken),
    operator_token: readSecret('--operator-token', options.operatorToken),
    issuer: readIssuer(options),
    catalogue: options.catalogue === undefined ? undefined : readResource(options.catalogue, url),
    active: readActive(options),
  }
}

function readIssuer({ issuer, operatorToken, refreshToken }: Options): string | undefined {
  if (issuer === undefined && (operatorToken !== undefined || refreshToken !== undefined))
    throw new AppError(
      'invalid_input',
      '--operator-token and --refresh-token need --issuer, the server they are for',
    )
  return issuer
}

function readActive({ active, clientId, refreshToken, grace = '0' }: Options): ReviewOptions['active'] {
  if (!active) {
    if (refreshToken === undefined) return undefined
    throw new AppError('invalid_input', '--refresh-token is spent, which only --active does')
  }
  if (refreshToken !== undefined && clientId === undefined)
    throw new AppError('invalid_input', '--refresh-token needs --client-id, the client that it was issued to')
  return {
    client_id: clientId,
    refresh_token: readSecret('--refresh-token', refreshToken),
    grace_ms: grace === '0' ? 0 : readSeconds('--grace', grace),
    onPerson: (address) => process.stderr.write(`Open this address in a browser, and sign in:\n${address}\n`),
  }
}

function readSecret(option: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  const [, name] = /^env:(.+)$/.exec(given) ?? []
  const [, file] = /^@(.+)$/s.exec(given) ?? []
  const secret = (name ? environmentVariable(name) : file ? readFileSync(file, 'utf8') : given)?.trim()
  // What no header can carry would fail in ways that show it.
  if (!secret || !/^[\x21-\x7e]+$/.test(secret))
    throw new AppError('invalid_input', `${option}: there is no token${name ? ` in ${name}` : ''}`)
  return secret
}

function readSeconds(option: string, given: string): number {
  const seconds = Number(given)
  if (!Number.isFinite(seconds) || seconds < 0.1 || seconds > 600)
    throw new AppError('invalid_input', `${option} is a number of seconds from 0.1 to 600`)
  return Math.round(seconds * 1000)
}

function readSeverity(given: string): Severity {
  const severity = SEVERITIES.find((severity) => severity === given)
  if (!severity) throw new AppError('invalid_input', `--fail-on is one of ${SEVERITIES.join(', ')}`)
  return severity
}

function readResource(file: string, url: string): Resource {
  const read = parseCatalogue(readFileSync(file, 'utf8'))
  if ('faults' in read) throw new AppError('invalid_input', `${file}: ${read.faults.join('; ')}`)
  const resource = findResource(read.catalogue, url)
  if (!resource) throw new AppError('invalid_input', `${file} has no resource ${url}`)
  return resource
}
