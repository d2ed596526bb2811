import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCatalogue } from '../../../src/catalogue/catalogue-file.ts'
import type { ConnectedApp } from '../../../src/grants/connected-apps-store.ts'
import { appView, keptScopes } from '../../../src/pages/account/app-view.ts'
import { expandScopes, type Resource } from '../../../src/permission/scopes.ts'
import { RESOURCE } from '../../support/toolgate.ts'

const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
if ('faults' in read) throw new Error(read.faults.join('\n'))
const { catalogue } = read
const notes = catalogue.resources.find(({ resource }) => resource === RESOURCE) as Resource
const NAMES = notes.scopes.map(({ name }) => name)

const app = (scope: string, more: Partial<ConnectedApp> = {}): ConnectedApp => ({
  id: 'gr_1',
  client_id: 'cl_1',
  client_name: 'Claude',
  label: null,
  receiver: null,
  resource: RESOURCE,
  scope,
  created_at: new Date(0),
  expires_at: new Date(1),
  first_used_at: null,
  last_used_at: null,
  used_tools: [],
  ...more,
})

describe('appView', () => {
  it('says what was allowed in plain words, and what the roles do not allow now', () => {
    const { resource_name, scopes } = appView(app('notes:write notes:read'), catalogue, ['reader'])
    expect(resource_name).toBe('Notes')
    expect(scopes.map(({ description, available }) => [description, available])).toEqual([
      ['Read your notes', true],
      ['Create and change notes', false],
    ])
  })

  it('is called by the own name, else the client’s, else by the host of its document', () => {
    const title = (more: Partial<ConnectedApp>) => appView(app('', more), catalogue, []).title
    expect(title({ label: 'Mine' })).toBe('Mine')
    expect(title({})).toBe('Claude')
    expect(title({ client_name: null, client_id: 'https://claude.ai/client' })).toBe('claude.ai')
    expect(title({ client_name: null })).toBe('An unnamed app')
  })

  it('shows bare names of what the catalogue has no more', () => {
    const view = appView(app('gone:read', { resource: 'http://gone.test/mcp' }), catalogue, ['editor'])
    expect(view.scopes.map(({ description, tools }) => [description, tools])).toEqual([['gone:read', []]])
  })
})

describe('keptScopes', () => {
  it('never keeps what opens an unticked scope', () => {
    fc.assert(
      fc.property(fc.subarray(NAMES), fc.array(fc.constantFrom(...NAMES, 'other')), (granted, ticked) => {
        const kept = keptScopes(appView(app(granted.join(' ')), catalogue, []), ticked)
        const opened = expandScopes(notes, kept)
        expect(granted.filter((name) => !ticked.includes(name) && opened.has(name))).toEqual([])
        expect(kept.every((name) => granted.includes(name))).toBe(true)
      }),
    )
  })

  it('keeps all when all are ticked', () => {
    expect(keptScopes(appView(app(NAMES.join(' ')), catalogue, []), NAMES)).toEqual(NAMES)
  })
})
