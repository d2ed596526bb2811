import { randomBytes, randomInt } from 'node:crypto'

/** What is asked. Each kind is a list that lives in the load generator and knows its next request. */
export type Questions =
  /** The same requests again and again. */
  | { kind: 'in turn'; path: string; headers: Headers; bodies: readonly string[] }
  /** One of `count` bodies at random: `before`, a number of as many digits, `after`. */
  | {
      kind: 'numbered'
      path: string
      headers: Headers
      before: string
      digits: number
      count: number
      after: string
    }
  /** Each request once. */
  | { kind: 'once'; requests: readonly SingleRequest[] }
  /** Each request spends the newest token of a family; the answer holds the next. */
  | { kind: 'refresh'; path: string; headers: Headers; before: string; families: readonly string[] }
  /** The same requests again and again, each with an x-request-id that no other has. */
  | { kind: 'identified'; path: string; headers: Headers; bodies: readonly string[] }

export type Headers = Readonly<Record<string, string>>
export type SingleRequest = { path: string; headers: Headers; body: string }

/** What a connection asks next, and what it does with a good answer. */
export type Asker = {
  next(connection: number): Buffer | undefined
  answered(connection: number, answer: string): void
  /** What the caller gets to know beyond the numbers. */
  outcome(): { families?: string[]; answered_ids?: string[] }
}

/** Bytes are made beforehand where they can be: a generator that works as hard as the server measures itself. */
export function askerOf(questions: Questions, host: string, connections: number): Asker {
  switch (questions.kind) {
    case 'in turn':
      return inTurn(questions.bodies.map((body) => requestBytes(host, { ...questions, body })))
    case 'numbered':
      return numbered(questions, host)
    case 'once':
      return once(questions.requests.map((request) => requestBytes(host, request)))
    case 'refresh':
      return refreshing(questions, host, connections)
    case 'identified':
      return identified(questions, host)
  }
}

function requestBytes(host: string, { path, headers, body }: SingleRequest): Buffer {
  return Buffer.from(`${requestHead(host, { path, headers, body })}${body}`)
}

function requestHead(host: string, { path, headers, body }: SingleRequest): string {
  const is_typed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  return [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...(is_typed ? [] : ['Content-Type: application/x-www-form-urlencoded']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Accept: */*',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n')
}

const NOTHING = { answered: () => {}, outcome: () => ({}) }

function inTurn(requests: readonly Buffer[]): Asker {
  let place = randomInt(requests.length)
  const next = () => {
    place = (place + 1) % requests.length
    return requests[place]
  }
  return { ...NOTHING, next }
}

function numbered(questions: Questions & { kind: 'numbered' }, host: string): Asker {
  const { before, digits, count, after } = questions
  const body = (number: number) => `${before}${String(number).padStart(digits, '0')}${after}`
  const head = requestHead(host, { ...questions, body: body(0) })
  return { ...NOTHING, next: () => Buffer.from(head + body(Math.floor(Math.random() * count)), 'latin1') }
}

function once(requests: readonly Buffer[]): Asker {
  let place = 0
  return { ...NOTHING, next: () => requests[place++] }
}

const REFRESH_TOKEN = /"refresh_token":"([^"]+)"/

/** Each connection has families of its own, so that every refresh spends the newest token and none is spent twice. */
function refreshing(questions: Questions & { kind: 'refresh' }, host: string, connections: number): Asker {
  const families = [...questions.families]
  if (families.length < connections) throw new Error('a connection needs a family of its own')
  const places = Array.from({ length: connections }, (_, connection) => connection)
  return {
    next: (connection) => {
      const body = questions.before + families[places[connection] ?? 0]
      return requestBytes(host, { ...questions, body })
    },
    answered: (connection, answer) => {
      const place = places[connection] ?? 0
      const successor = REFRESH_TOKEN.exec(answer)?.[1]
      if (successor === undefined) throw new Error(`a refresh without a refresh token: ${answer}`)
      families[place] = successor
      places[connection] = place + connections < families.length ? place + connections : connection
    },
    outcome: () => ({ families }),
  }
}

function identified(questions: Questions & { kind: 'identified' }, host: string): Asker {
  const run = randomBytes(6).toString('hex')
  const asked = new Map<number, string>()
  const answered_ids: string[] = []
  const heads = questions.bodies.map((body) => [requestHead(host, { ...questions, body }), body] as const)
  let count = 0
  return {
    next: (connection) => {
      count += 1
      const id = `${run}.${count}`
      asked.set(connection, id)
      const [head, body] = heads[count % heads.length] ?? ['', '']
      return Buffer.from(`${head.slice(0, -2)}X-Request-Id: ${id}\r\n\r\n${body}`, 'latin1')
    },
    answered: (connection) => void answered_ids.push(asked.get(connection) ?? ''),
    outcome: () => ({ answered_ids }),
  }
}
