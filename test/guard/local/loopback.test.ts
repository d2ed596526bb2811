import { describe, expect, it } from 'vitest'
import { requireLocal, requireLoopbackHost } from '../../../src/guard/local/loopback.ts'
import { Refusal } from '../../../src/guard/refusal.ts'

const here = { local_address: '127.0.0.1', remote_address: '::ffff:127.0.0.1' }
const come = (headers: Record<string, string>, connection = here) =>
  requireLocal({
    connection,
    headers: new Headers(headers),
    query: new URLSearchParams(),
    readBody: async () => undefined,
  })

describe('without authentication', () => {
  it.each(['localhost', 'LOCALHOST:80', 'notes.localhost:1', '127.0.0.2', '[::1]:65535', '[::ffff:7f00:1]'])(
    'who says Host: %s means this machine',
    (host) => {
      expect(() => come({ host })).not.toThrow()
    },
  )

  it.each([
    ...[
      '',
      'evil.test',
      'localhost.evil.test',
      'evil.test/.localhost',
      'evil.test#.localhost',
      'a@localhost',
    ],
    ...[
      '127.999.0.1',
      '10.0.0.1',
      '[::]',
      '[127.0.0.1',
      '127.1',
      'localhost:x',
      'localhost:1:2',
      'local host',
    ],
  ])('who says Host: %s does not', (host) => {
    expect(() => come({ host })).toThrow(Refusal)
  })

  it('a connection counts when both of its ends are on this machine', () => {
    for (const remote_address of ['127.0.0.9', '::1'])
      expect(() => come({ host: 'localhost' }, { ...here, remote_address })).not.toThrow()
    for (const remote_address of ['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1%lo', ''])
      expect(() => come({ host: 'localhost' }, { ...here, remote_address })).toThrow(Refusal)
  })

  it('nobody listens where others could come', () => {
    for (const host of ['localhost', '127.0.0.1', '::1', '::ffff:127.0.0.1']) requireLoopbackHost(host)
    for (const host of [undefined, '', '0.0.0.0', '::', '192.168.0.1', 'notes.example'])
      expect(() => requireLoopbackHost(host)).toThrow('listens on this machine only')
  })
})
