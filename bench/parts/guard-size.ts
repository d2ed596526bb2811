import { table } from '../figures.ts'
import { bundleOf, bytesOf, GUARD_BYTES_MAX, GUARD_ENTRY, neededAtOnce } from '../guarded/bundle.ts'
import type { Measured, Part } from '../part.ts'

/** How much of the guard there is to load: at once, and with everything that only some guards load. */
export const guardSize: Part = {
  name: 'guard-size',
  summary: 'the guard without its adapters, bundled and minified',
  measure,
}

async function measure(): Promise<Measured> {
  const chunks = await bundleOf(GUARD_ENTRY)
  const first = neededAtOnce(chunks)
  const sizes = chunks.map((chunk) => [
    chunk.name,
    first.includes(chunk) ? 'always' : 'when it is used',
    String(bytesOf([chunk])),
  ])
  return {
    figures: [
      {
        name: 'the guard, as every one is loaded',
        value: bytesOf(first),
        unit: 'bytes',
        goal: { most: GUARD_BYTES_MAX },
      },
      { name: 'the same with reports, cache and keys', value: bytesOf(chunks), unit: 'bytes' },
      { name: 'all of it ÷ what is loaded at once', value: bytesOf(chunks) / bytesOf(first), unit: 'times' },
    ],
    ran: 'bundled once',
    details: table(['chunk', 'loaded', 'bytes'], sizes),
  }
}
