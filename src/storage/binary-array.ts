/** Element types of the arrays that statements take. */
export const TEXT_OID = 25
export const BYTEA_OID = 17

const DIMENSION_BYTES = 20
const LENGTH_BYTES = 4

/**
 * An array of one dimension in Postgres' binary format, which pg sends as it is. Written out as text, every element
 * would be searched for what to escape, here and again by Postgres.
 */
export function binaryArray(oid: number, items: readonly (Buffer | undefined)[]): Buffer {
  const length = items.reduce((sum, item) => sum + LENGTH_BYTES + (item?.length ?? 0), DIMENSION_BYTES)
  const bytes = Buffer.allocUnsafe(length)
  bytes.writeInt32BE(1, 0)
  bytes.writeInt32BE(items.includes(undefined) ? 1 : 0, 4)
  bytes.writeInt32BE(oid, 8)
  bytes.writeInt32BE(items.length, 12)
  bytes.writeInt32BE(1, 16)
  let end = DIMENSION_BYTES
  for (const item of items) {
    bytes.writeInt32BE(item?.length ?? -1, end)
    end += LENGTH_BYTES
    if (item) end += item.copy(bytes, end)
  }
  return bytes
}
