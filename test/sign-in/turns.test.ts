import { describe, expect, it } from 'vitest'
import { Turns } from '../../src/sign-in/turns.ts'

/** Work that ends when it is told to, and counts how much of it runs. */
function workshop() {
  const running = new Set<string>()
  const finish = new Map<string, (failed?: Error) => void>()
  const log: string[] = []
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      running.add(name)
      log.push(name)
      finish.set(name, (failed) => {
        running.delete(name)
        failed ? reject(failed) : resolve(name)
      })
    })
  return { running, finish, log, work }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('turns', () => {
  it('of one key come one after the other, in order, and of others beside it', async () => {
    const { running, finish, log, work } = workshop()
    const turns = new Turns({ width: 3, waiting_max: 5 })
    const all = [
      turns.take('a', work('a1')),
      turns.take('a', work('a2')),
      turns.take('a', work('a3')),
      turns.take('b', work('b1')),
    ]
    await settled()
    expect([...running]).toEqual(['a1', 'b1'])
    for (const name of ['a1', 'a2', 'a3', 'b1']) {
      finish.get(name)?.()
      await settled()
    }
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1'])
    expect(log).toEqual(['a1', 'b1', 'a2', 'a3'])
  })

  it('of all keys are as many at once as the width', async () => {
    const { running, finish, work } = workshop()
    const turns = new Turns({ width: 2, waiting_max: 5 })
    const all = ['a', 'b', 'c', 'd'].map((key) => turns.take(key, work(key)))
    await settled()
    expect([...running]).toEqual(['a', 'b'])
    finish.get('a')?.()
    await settled()
    expect([...running]).toEqual(['b', 'c'])
    for (const name of ['b', 'c', 'd']) {
      finish.get(name)?.()
      await settled()
    }
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('are refused to whoever finds too many of the same key waiting', async () => {
    const { finish, log, work } = workshop()
    const turns = new Turns({ width: 2, waiting_max: 1 })
    const all = [turns.take('a', work('a1')), turns.take('a', work('a2')), turns.take('a', work('a3'))]
    expect(await all[2]).toBeUndefined()
    finish.get('a1')?.()
    await settled()
    finish.get('a2')?.()
    expect(await Promise.all(all)).toEqual(['a1', 'a2', undefined])
    expect(log).toEqual(['a1', 'a2'])
  })

  it('go on after work that failed', async () => {
    const { finish, work } = workshop()
    const turns = new Turns({ width: 1, waiting_max: 5 })
    const first = turns.take('a', work('a1'))
    const second = turns.take('a', work('a2'))
    const third = turns.take('b', work('b1'))
    finish.get('a1')?.(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await settled()
    finish.get('b1')?.()
    await settled()
    finish.get('a2')?.()
    expect([await second, await third]).toEqual(['a2', 'b1'])
  })
})
