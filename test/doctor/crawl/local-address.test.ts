import { expect, it } from 'vitest'
import { mayLeadTo } from '../../../src/doctor/crawl/local-address.ts'

const may = (start: string, url: string) => mayLeadTo(new URL(start), new URL(url))

it('does not let a public server lead to this machine or network', () => {
  for (const url of [
    'http://localhost:1/',
    'http://127.0.0.1/',
    'http://10.0.0.1/',
    'http://[::1]/',
    'http://db:80/',
  ])
    expect(may('https://mcp.example/mcp', url), url).toBe(false)
  expect(may('https://mcp.example/mcp', 'https://auth.example/')).toBe(true)
})

it('lets a local server lead anywhere', () => {
  expect(may('http://localhost:4001/mcp', 'http://localhost:4000/')).toBe(true)
  expect(may('http://localhost:4001/mcp', 'https://auth.example/')).toBe(true)
})
