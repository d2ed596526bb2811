import { describe, expect, it } from 'vitest'
import { readDocument } from '../support/readme.ts'
import { CLIENT_REQUESTS } from './client-requests.ts'
import { CLIENTS_DOCUMENT, clientsDocument } from './clients-document.ts'

describe('docs/clients.md', () => {
  it('is what the facts say; `npm run docs:clients` writes it', () => {
    expect(readDocument(CLIENTS_DOCUMENT)).toBe(clientsDocument())
  })

  it('has each client once', () => {
    const names = CLIENT_REQUESTS.map(({ client }) => client)
    expect(new Set(names).size).toBe(names.length)
  })
})
