/** Longer than any row can be: 32 keys with 128 texts of 1,024 letters each, and everything escaped. */
const LINE_BYTES_MAX = 64 * 1024 * 1024
const NEWLINE = 0x0a

/** Lines out of bytes that come in pieces, whatever they hold. */
export class LineReader {
  #rest: Buffer[] = []
  #rest_bytes = 0

  /** What came after the end of the last line. */
  get rest_bytes(): number {
    return this.#rest_bytes
  }

  /** More came without an end than a row can have: whoever goes on needs ever more memory. */
  get is_too_long(): boolean {
    return this.#rest_bytes > LINE_BYTES_MAX
  }

  /** The lines that end in this chunk, without their ends. */
  feed(chunk: Buffer): string[] {
    const end = chunk.lastIndexOf(NEWLINE)
    if (end === -1) {
      this.#keep(chunk)
      return []
    }
    const text = Buffer.concat([...this.#rest, chunk.subarray(0, end)]).toString('utf8')
    this.#rest = []
    this.#rest_bytes = 0
    this.#keep(chunk.subarray(end + 1))
    return text.split('\n')
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#rest.push(bytes)
    this.#rest_bytes += bytes.length
  }
}
