import type { Detail } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import type { Explanation, Facts } from '../explanation/verdict.ts'
import type { OcsfActivity } from '../export/ocsf-classes.ts'

/** What an event is, in one place: everything that tells, sorts, hands on or explains events is a loop over these. */
export type EventDefinition<D extends Detail | undefined> = Telling<D> & {
  /** Never set: it carries the type of the detail. */
  readonly detail?: D
  takes: Takes<D>
  ocsf: Activity<D>
}

/** Whose kept answers may be wrong afterwards: what the revocation feed tells. */
type Takes<D> = Reach | ((detail: Partial<D>, event: Tellable) => Reach)
type Activity<D> = OcsfActivity | ((detail: Partial<D>) => OcsfActivity)

type Telling<D> = {
  /** For operators: in a story, and on the page of the event. */
  sentence(told: Told<D>): string
  /** For the person whom it is about: with the tool in the middle, where it is about one. Missing: nothing is told them. */
  personal?(own: OwnEvent): string | { text: string; tool: string; after: string }
  /** They are told it once for each hour, because somebody can make as many as they like. */
  is_counted?: true
  /** It has the address of the person themselves, not of their MCP server or client. */
  is_local?: true
  /** Something was refused or went wrong; `severe` for what may be an attack that succeeded. */
  failure?: 'failed' | 'severe' | ((detail: Partial<D>) => 'failed' | undefined)
  /** Why, in plain words; undefined where this one refused nothing. */
  explain?(facts: Facts): Explanation | undefined
  /** Nearly all events are of these types; only for the others is there an index by each of their ids. */
  is_frequent?: true
  /** It gives scopes, and is told with the tools that they open. */
  gives_scopes?: true
  /** After it the grant has no tokens any more. */
  ends_grant?: true | ((detail: Partial<D>) => boolean)
}

/** Members that may be missing, or undefined, which is the same. */
export type Optional<T> = { [member in keyof T]?: T[member] | undefined }

export type Why = Optional<{ reason: string }>

export type Reach = 'all' | 'account' | 'client' | 'nothing'

/** What is told of an event; its place in the chain does not matter. */
export type Tellable = Omit<AuditRow, 'prev_hash' | 'hash'>

/** An event with the names that people know its account and client by. Whoever writes past the log may leave out anything. */
export type Told<D> = {
  event: Tellable
  detail: Partial<D>
  client_name?: string | undefined
  username?: string | undefined
}

/** An event, or as many of its kind in an hour, as its person knows them. */
export type OwnEvent = {
  event: Pick<AuditRow, 'tool' | 'detail'>
  count: number
  is_own: boolean
  /** Who did it, at the beginning of a sentence. */
  who: string
  app: string
  resource: string
  scopes: string
}

/** A kind of event: what it takes away, its class in OCSF, and how it is told. */
export function event<D extends Detail | undefined = undefined>(
  takes: Takes<D>,
  ocsf: Activity<D>,
  telling: Telling<D>,
): EventDefinition<D> {
  return { takes, ocsf, ...telling }
}

export function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}
