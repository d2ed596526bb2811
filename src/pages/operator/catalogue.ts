import { perform } from '../../actions/action.ts'
import {
  applyNewCatalogue,
  catalogueHistory,
  diffCatalogue,
  exportCatalogue,
  showCatalogue,
} from '../../actions/catalogue.ts'
import { listAllResources, scopeHoldersOf, showOneResource } from '../../actions/resources.ts'
import { filledIn } from '../filled-in.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'

/** What can be permitted, who holds it, and replacing the catalogue after seeing what that would do. */

/** A file of 256 KB as a form has it, where most characters may take three bytes. */
const FORM_LIMIT_BYTES = 1024 * 1024
const VERSIONS = 20
/** As many as one page of the list has; calls of what is beyond are on the page of each. */
const RESOURCES_COUNTED = 500

async function cataloguePage(page: Page): Promise<void> {
  const { caller, ctx, catalogue_file } = page
  const { versions, next } = await perform(catalogueHistory, page, caller, { limit: VERSIONS, ...ctx.query })
  const [newest] = (await perform(catalogueHistory, page, caller, { limit: 1 })).versions
  const catalogue = newest && (await perform(showCatalogue, page, caller, {}))
  const { resources } = await perform(listAllResources, page, caller, { limit: RESOURCES_COUNTED })
  const counted = new Map(resources.map((resource) => [resource.resource, resource]))
  page.show('operator/catalogue', {
    catalogue,
    catalogue_file,
    counted,
    versions,
    older: olderHref(page, next),
  })
}

async function resourcePage(page: Page): Promise<void> {
  page.show('operator/resource', await perform(showOneResource, page, page.caller, { ...page.ctx.query }))
}

async function holdersPage(page: Page): Promise<void> {
  const { resource, scope } = page.ctx.query
  const { next, ...holders } = await perform(scopeHoldersOf, page, page.caller, { ...page.ctx.query })
  page.show('operator/scope-holders', { resource, scope, ...holders, older: olderHref(page, next) })
}

/** The text to begin with: of the version asked for, or of the one in force. */
async function textToEdit(page: Page): Promise<{ catalogue: string; version: number }> {
  const { versions } = await perform(catalogueHistory, page, page.caller, { limit: 1 })
  if (versions.length === 0) return { catalogue: '', version: 0 }
  return perform(exportCatalogue, page, page.caller, { ...page.ctx.query })
}

async function editPage(page: Page): Promise<void> {
  const { catalogue, version } = await textToEdit(page)
  page.show('operator/catalogue-apply', { catalogue, from_version: version, file: page.catalogue_file })
}

async function comparisonPage(page: Page): Promise<void> {
  const catalogue = page.form.get('catalogue') ?? ''
  const comparison = await perform(diffCatalogue, page, page.caller, { catalogue })
  if (comparison.faults.length > 0) page.ctx.status = 400
  page.show('operator/catalogue-apply', { catalogue, comparison, file: page.catalogue_file })
}

/** Applies what the comparison showed, and nothing else: the digest and the version say what that was. */
async function apply(page: Page): Promise<void> {
  const given = ['catalogue', 'expected_version', 'digest', 'reason']
  const input = filledIn(Object.fromEntries(given.map((name) => [name, page.form.get(name)])))
  const accept = page.form.all('accept')
  const { version, changes } = await perform(applyNewCatalogue, page, page.caller, { ...input, accept })
  const done = changes.length > 0 ? `Version ${version} of the catalogue is in force.` : 'Nothing changed.'
  page.goTo('/operator/catalogue', done)
}

export const CATALOGUE_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator/catalogue', needs: 'operator:read', handle: cataloguePage },
  { method: 'get', path: '/operator/catalogue/resource', needs: 'operator:read', handle: resourcePage },
  { method: 'get', path: '/operator/catalogue/holders', needs: 'operator:read', handle: holdersPage },
  { method: 'get', path: '/operator/catalogue/apply', needs: 'operator:read', handle: editPage },
  {
    method: 'post',
    path: '/operator/catalogue/compare',
    needs: 'operator:read',
    form_limit_bytes: FORM_LIMIT_BYTES,
    handle: comparisonPage,
  },
  {
    method: 'post',
    path: '/operator/catalogue/apply',
    needs: 'operator:admin',
    lists: ['accept'],
    form_limit_bytes: FORM_LIMIT_BYTES,
    handle: apply,
  },
]
