import { type BenchPostgres, createTemporaryDirectory, startBenchPostgres } from './postgres.ts'

/** What a part plays on: a Postgres, a directory, and whatever it starts, all gone afterwards whatever happens. */
export type Stage = {
  postgres: BenchPostgres
  directory: string
  /** Remembers to stop this, last started first. */
  keep<T extends { stop(): Promise<void> }>(started: T): T
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const INTERRUPTED = 130

export async function withStage<T>(play: (stage: Stage) => Promise<T>): Promise<T> {
  const started: { stop(): Promise<void> }[] = []
  const clear = async () => {
    for (const each of started.splice(0).toReversed()) await each.stop()
  }
  const interrupt = () => void clear().finally(() => process.exit(INTERRUPTED))
  for (const signal of SIGNALS) process.once(signal, interrupt)
  try {
    const directory = await createTemporaryDirectory()
    started.push({ stop: () => directory.remove() })
    const postgres = await startBenchPostgres()
    started.push(postgres)
    const keep = <S extends { stop(): Promise<void> }>(each: S) => {
      started.push(each)
      return each
    }
    return await play({ postgres, directory: directory.path, keep })
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt)
    await clear()
  }
}
