import type { AnswerWatch } from './answer-watch.ts'
import type { OpenAnswer, OpenAnswers } from './open-answers.ts'

/** Hears of an answer that may go on. */
export type WatchOpen = (answer: OpenAnswer) => AnswerWatch

/** What follows answers that go on is loaded with the first one: most servers have none. */
export function watchOpen(answer: OpenAnswer, load: () => Promise<OpenAnswers>): AnswerWatch {
  let is_over = false
  let stop = () => {}
  return {
    begin(_, headers) {
      if (!/^text\/event-stream/i.test(headers.get('content-type') ?? '')) return
      load().then(
        (answers) => {
          if (!is_over) stop = answers.follow(answer)
        },
        // What cannot be followed must not go on.
        answer.cut,
      )
    },
    write() {},
    end() {
      is_over = true
      stop()
    },
  }
}
