import { readFileSync } from 'node:fs'
import { createNotesMcp, type NotesMcp } from '../../../../examples/notes-server/mcp-server.ts'
import type { EventWords } from '../../../../src/audit-chain/event-fields.ts'
import { parseCatalogue } from '../../../../src/catalogue/catalogue-file.ts'
import { type AnswerWatch, watchTogether } from '../../../../src/guard/answers/answer-watch.ts'
import { createGuard, type Guard, type GuardOptions } from '../../../../src/guard/index.ts'
import { localPolicy } from '../../../../src/guard/local/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../../../support/introspection-stand-in.ts'
import type { ServeBehind, Served } from '../suite.ts'

/** The example server behind one adapter, in as many ways as the guarantees need it, with what tests say to it. */
export const RESOURCE = 'http://localhost:4001/mcp'
export const METADATA_PATH = '/.well-known/oauth-protected-resource'
export const READER_TOOLS = ['search_notes', 'get_note']
export const ALL_TOOLS = [...READER_TOOLS, 'create_note', 'update_note', 'delete_note']

/** What a watch was told of one answer. */
export type Heard = {
  status?: number
  content_type?: string | null
  body: string
  /** Resolves to whether the answer was whole. */
  ended: Promise<boolean>
}

export type Place = {
  url: string
  origin: string
  /** Of the guard, in order. */
  errors: Error[]
  /** One for each answer of the handler, in order. */
  heard: Heard[]
  /** Mode `none`: what was recorded here. */
  recorded: EventWords[]
}

export class Stage {
  readonly #serve: ServeBehind
  readonly #opened: { close(): Promise<void> }[] = []
  #as: IntrospectionStandIn | undefined
  #oauth: Place | undefined

  constructor(serve: ServeBehind) {
    this.#serve = serve
  }

  get as(): IntrospectionStandIn {
    if (!this.#as) throw new Error('the stage is not open')
    return this.#as
  }

  /** Mode `oauth`, before a server without sessions. */
  get oauth(): Place {
    if (!this.#oauth) throw new Error('the stage is not open')
    return this.#oauth
  }

  async open(): Promise<void> {
    this.#as = await startIntrospectionStandIn(RESOURCE)
    this.#opened.push(this.#as)
    this.#as.tokens
      .set('reader', { tools: READER_TOOLS })
      .set('reader-refreshed', { tools: READER_TOOLS })
      .set('editor', { tools: ALL_TOOLS, sub: 'grace' })
      .set('elsewhere', { tools: ALL_TOOLS, aud: 'http://localhost:4001/other' })
      .set('tgp_reader', { tools: READER_TOOLS })
    for (const tool of READER_TOOLS) this.#as.scopes.set(tool, 'notes:read')
    this.#as.scopes.set('create_note', 'notes:write').set('delete_note', 'notes:delete')
    this.#oauth = await this.place({ mode: 'oauth' })
  }

  async close(): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) await opened.close()
  }

  /** Serves `mcp` behind a guard of its own. */
  async place(more: Partial<GuardOptions>, mcp: NotesMcp = createNotesMcp()): Promise<Place> {
    const place: Omit<Place, 'url' | 'origin'> = { errors: [], heard: [], recorded: [] }
    const options = this.options(more, place)
    const guard = listenedTo(createGuard(options), place.heard)
    const served = await this.#serve({ guard, options, mcp, port: 0 })
    this.#opened.push(guard, mcp, served)
    return Object.assign(place, addressesOf(served))
  }

  /** Everything that any mode needs. */
  options(
    more: Partial<GuardOptions>,
    { errors, recorded }: Pick<Place, 'errors' | 'recorded'>,
  ): GuardOptions {
    const append = async (events: readonly EventWords[]) => void recorded.push(...events)
    return {
      resource: RESOURCE,
      issuer: this.as.issuer,
      ...RESOURCE_SERVER,
      default_scopes: ['notes:read'],
      resource_name: 'Notes',
      local: localPolicy({ catalogue: exampleCatalogue(), log: { append, close: async () => {} } }),
      on_error: (error) => void errors.push(error),
      ...more,
    }
  }
}

function addressesOf({ port }: Served) {
  const origin = `http://127.0.0.1:${port}`
  return { origin, url: `${origin}/mcp` }
}

function exampleCatalogue() {
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  return read.catalogue
}

/** The same guard, with one more who hears of the answers. */
function listenedTo(guard: Guard, heard: Heard[]): Guard {
  return {
    ...guard,
    async decide(request) {
      const decision = await guard.decide(request)
      if (decision.outcome === 'refused') return decision
      const watch = watchTogether([decision.watch, hearing(heard)], guard.settings.on_error)
      return { ...decision, watch }
    },
  }
}

function hearing(all: Heard[]): AnswerWatch {
  const { promise: ended, resolve } = Promise.withResolvers<boolean>()
  const heard: Heard = { body: '', ended }
  all.push(heard)
  return {
    begin: (status, headers) =>
      void Object.assign(heard, { status, content_type: headers.get('content-type') }),
    write: (chunk) => {
      heard.body += Buffer.from(chunk).toString()
    },
    end: resolve,
  }
}
