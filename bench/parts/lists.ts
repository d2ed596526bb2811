import type { z } from 'zod'
import { OPERATOR_SCOPES } from '../../src/accounts/operator-scopes.ts'
import { listAccounts } from '../../src/actions/accounts.ts'
import { type Action, type ActionContext, type Caller, perform } from '../../src/actions/action.ts'
import { searchAudit } from '../../src/actions/audit.ts'
import { listAllClients } from '../../src/actions/clients.ts'
import { listGrants } from '../../src/actions/grants.ts'
import { showOverview } from '../../src/actions/overview.ts'
import { listPersonalTokens } from '../../src/actions/personal-tokens.ts'
import { listRefreshTokens } from '../../src/actions/refresh-tokens.ts'
import { builtIn } from '../../src/api/operator-api/operator-resource.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { TEST } from '../../test/support/origins.ts'
import { type Figure, grouped, table } from '../figures.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { withInstallation } from '../seeds/installation.ts'
import { type Rarities, spreadGrants } from '../seeds/spread.ts'
import { CLIENT_ID, RESOURCE } from '../seeds/workload.ts'
import { seedYears, TOOLS } from '../seeds/years.ts'
import { runToolgate } from '../servers/command.ts'
import { type Stage, withStage } from '../servers/stage.ts'

/** What operators page through, on a database that has been in use for years, by the actions that pages and API perform. */
export const lists: Part = {
  name: 'lists',
  summary: "first and hundredth page of the operator's lists over 1,000,000 grants and 10,000,000 audit rows",
  long: true,
  measure,
}

const VOLUME = { accounts: 10_000, grants: 1_000_000, tokens: 1_000_000, audit_rows: 10_000_000 }
const PAGE_ROWS = 50
const PAGES = 100
const TIMES = 5
const WITHIN_MS = 200
const ISSUER = 'http://localhost:4000'

type List = { name: string; page(context: ActionContext, after: string | undefined): Promise<unknown> }

const CALLER: Caller = { actor: TEST.actor, scopes: new Set(OPERATOR_SCOPES) }

function list<Input extends z.ZodObject, Output extends z.ZodType>(
  name: string,
  action: Action<Input, Output>,
  filter: Record<string, string> = {},
): List {
  return {
    name,
    page: (context, after) =>
      perform(action, context, CALLER, {
        ...filter,
        limit: PAGE_ROWS,
        ...(after === undefined ? {} : { after }),
      }),
  }
}

/** A list is measured by having a line here. */
function listsOf({ account, client_id, resource, scope, tool, unused_since }: Rarities): List[] {
  return [
    list('grants', listGrants),
    list('grants of an account', listGrants, { account }),
    list('grants of the usual client', listGrants, { client_id: CLIENT_ID }),
    list('grants of a rare client', listGrants, { client_id }),
    list('grants of the usual resource', listGrants, { resource: RESOURCE }),
    list('grants of a rare resource', listGrants, { resource }),
    list('grants with the usual scope', listGrants, { scope: 'notes:read' }),
    list('grants with a rare scope', listGrants, { scope }),
    list('grants unused for days', listGrants, { unused_since }),
    list('refresh tokens', listRefreshTokens),
    list('refresh tokens of an account', listRefreshTokens, { account }),
    list('audit events', searchAudit),
    list('audit events of a usual tool', searchAudit, { tool: TOOLS[0] }),
    list('audit events of a rare tool', searchAudit, { tool }),
    list('audit events of an account', searchAudit, { account_id: account }),
    list('accounts', listAccounts),
    list('clients', listAllClients),
    list('personal tokens', listPersonalTokens),
    list('personal tokens of an account', listPersonalTokens, { account }),
    { name: 'overview', page: (context) => perform(showOverview, context, CALLER, {}) },
  ]
}

async function measure({ scale }: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const url = await filled(stage, scale)
    const rarities = await spreadGrants(url)
    const timed = await withInstallation(url, async (installation) => {
      const context = { ...installation, catalogues: new CatalogueCache(builtIn(ISSUER)), issuer: ISSUER }
      const each: Timed[] = []
      for (const one of listsOf(rarities)) each.push(await timeList(context, one))
      return each
    })
    const goal = { most: WITHIN_MS }
    return {
      figures: timed.flatMap(({ name, first_ms, last_ms, pages }): Figure[] => [
        { name: `${name}, page 1`, value: first_ms, unit: 'ms', goal },
        { name: `${name}, page ${pages}`, value: last_ms, unit: 'ms', goal },
      ]),
      ran: `${grouped(Math.round(VOLUME.grants * scale))} grants, ${grouped(Math.round(VOLUME.audit_rows * scale))} audit rows; pages of ${PAGE_ROWS}; the slowest of ${TIMES}`,
      details: table(
        ['list', 'pages', 'page 1, ms', 'last of them, ms'],
        timed.map(({ name, pages, first_ms, last_ms }) => [
          name,
          `${pages}`,
          first_ms.toFixed(1),
          last_ms.toFixed(1),
        ]),
      ),
    }
  })
}

async function filled(stage: Stage, scale: number): Promise<string> {
  const url = await stage.postgres.createDatabase('lists')
  const ran = await runToolgate(url, stage.directory, ['migrate'])
  if (ran.exit_code !== 0) throw new Error(`toolgate migrate failed: ${ran.output}`)
  const share = (count: number) => Math.max(1, Math.round(count * scale))
  const { accounts, grants, tokens, audit_rows } = VOLUME
  say('filling the database …')
  await seedYears(url, {
    accounts: share(accounts),
    grants: share(grants),
    tokens: share(tokens),
    audit_rows: share(audit_rows),
  })
  return url
}

type Timed = { name: string; pages: number; first_ms: number; last_ms: number }

/** From the first page to the hundredth, or to the last where there are fewer. */
async function timeList(context: ActionContext, { name, page }: List): Promise<Timed> {
  let cursor: string | undefined
  let pages = 1
  for (; pages < PAGES; pages += 1) {
    const { next } = (await page(context, cursor)) as { next?: string }
    if (next === undefined) break
    cursor = next
  }
  const first_ms = await slowest(() => page(context, undefined))
  return { name, pages, first_ms, last_ms: await slowest(() => page(context, cursor)) }
}

async function slowest(ask: () => Promise<unknown>): Promise<number> {
  const each: number[] = []
  for (let time = 0; time < TIMES; time += 1) {
    const started_ms = performance.now()
    await ask()
    each.push(performance.now() - started_ms)
  }
  return Math.max(...each)
}
