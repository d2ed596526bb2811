import { type Scan, Scanner } from './chain-pieces.ts'
import {
  type BlockRange,
  type ChainReader,
  copyBlocks,
  type Snapshot,
  type TimeRange,
} from './chain-store.ts'

/** What everyone who reads a part of the log needs to know. It can be sent to a thread. */
export type ScanJob = { url: string; snapshot: Snapshot; time: TimeRange }

/** What a thread answers for each range. */
export type ScanReply = { scan: Scan } | { failure: { message: string; code?: unknown } }

/** Reads some blocks and checks what is in them. */
export async function scanBlocks(
  client: ChainReader,
  { snapshot, time }: ScanJob,
  range: BlockRange,
): Promise<Scan> {
  const scanner = new Scanner()
  await copyBlocks(client, snapshot, range, time, (bytes, start, end) => scanner.take(bytes, start, end))
  return scanner.finish()
}
