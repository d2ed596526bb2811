import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseCatalogue } from '../../../src/catalogue/catalogue-file.ts'
import type { ConnectedApp } from '../../../src/grants/connected-apps-store.ts'
import { appView } from '../../../src/pages/account/app-view.ts'
import { historyOf } from '../../support/history.ts'
import { RESOURCE } from '../../support/toolgate.ts'

const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
if ('faults' in read) throw new Error(read.faults.join('\n'))
const { catalogue } = read

const app = (scope: string, more: Partial<ConnectedApp> = {}): ConnectedApp => ({
  id: 'gr_1',
  client_id: 'cl_1',
  client_name: 'Claude',
  label: null,
  receiver: null,
  resource: RESOURCE,
  scope,
  scope_versions: scope.split(' ').map(() => 1),
  created_at: new Date(0),
  expires_at: new Date(1),
  first_used_at: null,
  last_used_at: null,
  used_tools: [],
  ...more,
})

describe('appView', () => {
  it('says what was allowed in plain words, and what the roles do not allow now', () => {
    const { resource_name, scopes } = appView(app('notes:write notes:read'), historyOf(catalogue), ['reader'])
    expect(resource_name).toBe('Notes')
    expect(scopes.map(({ description, available }) => [description, available])).toEqual([
      ['Read your notes', true],
      ['Create and change notes', false],
    ])
  })

  it('is called by the own name, else the client’s, else by the host of its document', () => {
    const title = (more: Partial<ConnectedApp>) => appView(app('', more), historyOf(catalogue), []).title
    expect(title({ label: 'Mine' })).toBe('Mine')
    expect(title({})).toBe('Claude')
    expect(title({ client_name: null, client_id: 'https://claude.ai/client' })).toBe('claude.ai')
    expect(title({ client_name: null })).toBe('An unnamed app')
  })

  it('shows bare names of what the catalogue has no more', () => {
    const view = appView(app('gone:read', { resource: 'http://gone.test/mcp' }), historyOf(catalogue), [
      'editor',
    ])
    expect(view.scopes.map(({ description, tools }) => [description, tools])).toEqual([['gone:read', []]])
  })
})

describe('what it may use', () => {
  it('is made from what is open to it, under the words of each scope', () => {
    const used = (scope: string, roles = ['editor']) =>
      appView(app(scope), historyOf(catalogue), roles).may_use.map(({ description, tools }) => [
        description,
        tools,
      ])
    expect(used('notes:delete')).toEqual([
      ['Read your notes', ['get_note', 'search_notes']],
      ['Create and change notes', ['create_note', 'update_note']],
      ['Delete notes for good', ['delete_note']],
    ])
    expect(used('notes:delete', ['reader'])).toEqual([['Read your notes', ['get_note', 'search_notes']]])
    expect(used('notes:delete', [])).toEqual([])
  })

  it('names as called only what it was allowed to call', () => {
    const use = (tool: string, allowed: number, denied: number) => ({
      ...{ tool, allowed, denied },
      last_used_at: new Date(0),
    })
    const used_tools = [use('delete_note', 0, 3), use('search_notes', 2, 1)]
    expect(appView(app('notes:read', { used_tools }), historyOf(catalogue), ['editor']).called_tools).toEqual(
      ['search_notes'],
    )
  })
})
