import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import type { CatalogueHistory } from '../../src/catalogue/held.ts'

/** Versions of a catalogue, numbered from 1; the last is in force. */
export function historyOf(...versions: [Catalogue, ...Catalogue[]]): CatalogueHistory {
  const [now] = versions.slice(-1) as [Catalogue]
  return { now, at: (version) => versions[version - 1] }
}
