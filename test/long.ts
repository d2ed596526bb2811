/**
 * Runs what takes minutes (`*.long.test.ts`) once, then all property tests again and again, each time with another seed, until one
 * fails: `npm run test:long -- 20`.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROUNDS = 10

const rounds = Number(process.argv[2] ?? ROUNDS)
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('How many rounds? npm run test:long -- 20')

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.long.test.ts'))
  .map((name) => join('test', name))
  .filter((path) => readFileSync(path, 'utf8').includes("from 'fast-check'"))

const long = spawnSync('npx', ['vitest', 'run', '--project', 'full', '--maxWorkers=1'], {
  stdio: 'inherit',
  env: { ...process.env, TOOLGATE_TEST_LONG: 'yes' },
})
if (long.status !== 0) process.exitCode = 1

for (let round = 1; round <= rounds; round++) {
  const seed = randomInt(2 ** 31)
  process.stdout.write(`Round ${round} of ${rounds}\n`)
  const env = { ...process.env, TOOLGATE_TEST_SEED: `${seed}` }
  const { status } = spawnSync('npx', ['vitest', 'run', ...files], { stdio: 'inherit', env })
  if (status === 0) continue
  process.stderr.write(`The same again: TOOLGATE_TEST_SEED=${seed} npx vitest run FILE\n`)
  process.exitCode = 1
  break
}
