import { type BenchPostgres, createTemporaryDirectory, startBenchPostgres } from './postgres.ts'

/** What a part plays on: a Postgres, a directory, and whatever it starts, all gone afterwards whatever happens. */
export type Stage = {
  postgres: BenchPostgres
  directory: string
  /** Remembers to stop this, last started first. */
  keep<T extends { stop(): Promise<void> }>(started: T): T
}

export async function withStage<T>(play: (stage: Stage) => Promise<T>): Promise<T> {
  const started: { stop(): Promise<void> }[] = []
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
    for (const each of started.toReversed()) await each.stop()
  }
}
