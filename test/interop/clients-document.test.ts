import { describe, expect, it } from 'vitest'
import { readDocument } from '../support/readme.ts'
import { CLIENT_SHAPES } from './client-shapes.ts'
import { CLIENTS_DOCUMENT, clientsDocument } from './clients-document.ts'

describe('docs/clients.md', () => {
  it('is what the table says; `npm run docs:clients` writes it', () => {
    expect(readDocument(CLIENTS_DOCUMENT)).toBe(clientsDocument())
  })

  it('has each client once', () => {
    const names = CLIENT_SHAPES.map(({ client }) => client)
    expect(new Set(names).size).toBe(names.length)
  })
})
