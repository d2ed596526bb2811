/** What an adapter tells the guard about the answer to a request that was let through. Nothing here ever throws. */
export type AnswerWatch = {
  /** Once, before the head leaves. */
  begin(status: number, headers: { get(name: string): string | null }): void
  /** Every piece of the body, in order, before it leaves. */
  write(chunk: Uint8Array): void
  /** Once. False: the answer broke off, or the client went away. */
  end(is_whole: boolean): void
}

/** Tells all of them, each event once; what an adapter says twice, or out of turn, is not passed on. */
export function watchTogether(
  watches: readonly AnswerWatch[],
  on_error: (error: Error) => void,
): AnswerWatch {
  let stage: 'before' | 'open' | 'ended' = 'before'
  const tell = (say: (watch: AnswerWatch) => void) => {
    for (const watch of watches) {
      try {
        say(watch)
      } catch (error) {
        on_error(error instanceof Error ? error : new Error('The answer could not be watched'))
      }
    }
  }
  return {
    begin(status, headers) {
      if (stage !== 'before') return
      stage = 'open'
      tell((watch) => watch.begin(status, headers))
    },
    write(chunk) {
      if (stage === 'open') tell((watch) => watch.write(chunk))
    },
    end(is_whole) {
      if (stage === 'ended') return
      stage = 'ended'
      tell((watch) => watch.end(is_whole))
    },
  }
}
