import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SharedTrips, type TripLimits } from '../../src/storage/shared-trips.ts'

type Trip = { questions: number[]; end(): void; fail(error: Error): void }

/** Trips that end when the test says so. Answers are ten times the question. */
function tripsThatWait(limits: Partial<TripLimits> = {}) {
  const under_way: Trip[] = []
  const trips = new SharedTrips<number, number>(
    (questions) =>
      new Promise((resolve, reject) => {
        under_way.push({ questions, end: () => resolve(questions.map((each) => each * 10)), fail: reject })
      }),
    { trips_max: 2, per_trip_max: 4, waiting_max: 6, ...limits },
  )
  const ask = (...questions: number[]) => questions.map((question) => trips.ask(question))
  return { trips, under_way, ask, taken: () => under_way.map(({ questions }) => questions) }
}

describe('a shared trip', () => {
  it('leaves at once for a lone question, and brings each its own answer', async () => {
    const { under_way, ask, taken } = tripsThatWait()
    const [answer] = ask(1)
    await nextTurn()
    expect(taken()).toEqual([[1]])
    under_way[0]?.end()
    expect(await answer).toBe(10)
  })

  it('takes everything that was asked in one turn, as far as there is room', async () => {
    const { under_way, ask, taken } = tripsThatWait()
    const answers = ask(1, 2, 3, 4, 5)
    await nextTurn()
    expect(taken()).toEqual([[1, 2, 3, 4]])
    under_way[0]?.end()
    expect(await Promise.all(answers.slice(0, 4))).toEqual([10, 20, 30, 40])
    await nextTurn()
    expect(taken()).toEqual([[1, 2, 3, 4], [5]])
  })

  it('leaves beside a slow one when half as many wait as that one took, and not before', async () => {
    const { ask, taken } = tripsThatWait()
    ask(1, 2, 3, 4)
    await nextTurn()
    ask(5)
    await nextTurn()
    expect(taken()).toEqual([[1, 2, 3, 4]])
    ask(6)
    await nextTurn()
    expect(taken()).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ])
  })

  it('that fails, fails for those on it and nobody else', async () => {
    const { under_way, ask } = tripsThatWait()
    const lost = ask(1, 2)
    await nextTurn()
    const [kept] = ask(3)
    under_way[0]?.fail(new Error('lost'))
    for (const each of lost) await expect(each).rejects.toThrow('lost')
    await nextTurn()
    under_way[1]?.end()
    expect(await kept).toBe(30)
  })

  it('is refused when too many wait', async () => {
    const { ask, trips } = tripsThatWait()
    ask(1, 2, 3, 4, 5, 6)
    await expect(trips.ask(7)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('that answers other questions than it was asked is an error, never a wrong answer', async () => {
    const trips = new SharedTrips<number, number>(async () => [1], {
      trips_max: 1,
      per_trip_max: 2,
      waiting_max: 2,
    })
    const answers = await Promise.allSettled([trips.ask(1), trips.ask(2)])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})
