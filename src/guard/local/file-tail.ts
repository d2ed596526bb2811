import { fstatSync, readSync } from 'node:fs'

/** How a file of lines ends. */
export type Tail = {
  /** The last line that has an end, without it. */
  last_line: string | undefined
  /** What stands behind it. */
  torn: Buffer
  /** Bytes of all lines that have an end. */
  length: number
}

const NEWLINE = 0x0a
const CHUNK_BYTES = 64 * 1024

/** Reads backwards, and no more than it needs. */
export function readTail(fd: number): Tail {
  const { size } = fstatSync(fd)
  let tail: Buffer = Buffer.alloc(0)
  for (let start = size; start > 0; ) {
    const from = Math.max(0, start - CHUNK_BYTES)
    tail = Buffer.concat([readAt(fd, from, start - from), tail])
    start = from
    const end = tail.lastIndexOf(NEWLINE)
    const before = end > 0 ? tail.lastIndexOf(NEWLINE, end - 1) : -1
    if (end === -1 || (before === -1 && start > 0)) continue
    const torn = tail.subarray(end + 1)
    return { last_line: tail.toString('utf8', before + 1, end), torn, length: size - torn.length }
  }
  return { last_line: undefined, torn: tail, length: 0 }
}

function readAt(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const read = readSync(fd, bytes, done, length - done, from + done)
    if (read === 0) break
    done += read
  }
  return bytes.subarray(0, done)
}
