import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

type Figure = { name: string; value: number; unit: string; met: boolean }
type Report = { parts: { part: string; ran: string; figures: Figure[] }[] }

describe('npm run bench', () => {
  it('shows its figures and that every answer has its audit row; a quick run does not fail by its goals', () => {
    const words = ['--quick', '--without-peers', '--only', 'introspection,revocation', '--json']
    const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/main.ts', ...words], {
      encoding: 'utf8',
    })
    expect(status, stderr).toBe(0)
    const { parts } = JSON.parse(stdout) as Report
    expect(parts.map(({ part }) => part)).toEqual(['introspection', 'revocation'])
    const figures = parts.flatMap((part) => part.figures)
    const value = (name: string) => figures.find((figure) => figure.name === name)?.value
    expect(value('toolgate, answers given')).toBeGreaterThan(0)
    expect(value('toolgate, audit rows written for them')).toBe(value('toolgate, answers given'))
    expect(figures.filter(({ name }) => name.endsWith('still active')).map((figure) => figure.value)).toEqual(
      [0, 0, 0, 0],
    )
    expect(figures.filter((figure) => !Number.isFinite(figure.value))).toEqual([])
  })
})
