import { parseArgs } from 'node:util'
import type { Part, Run } from './part.ts'

/** What the command line asks for. Throws with what to do when it cannot be understood. */
export type Options = { parts: readonly Part[]; run: Run; json: boolean; write: boolean; help: boolean }

const QUICK = { rounds: 1, seconds: 0.3, minutes: 0.05, scale: 0.002 }
const USUAL = { rounds: 3, seconds: 3, minutes: 10, scale: 1 }

export function optionsHelp(parts: readonly Part[]): string {
  const width = Math.max(...parts.map(({ name }) => name.length))
  const line = ({ name, summary }: Part) => `  ${name.padEnd(width)}  ${summary}`
  const usual = parts.filter(({ long }) => !long).map(line)
  const long = parts.filter((part) => part.long).map(line)
  return `npm run bench -- [options]

Parts, a few minutes together:
${usual.join('\n')}

Long parts, only when named or with --all:
${long.join('\n')}

Options:
  --only <names>          these parts, separated by commas
  --all                   the long parts too
  --rounds <n>            rounds, in which all designs are asked in turn (${USUAL.rounds})
  --seconds <n>           seconds of each load (${USUAL.seconds})
  --minutes <n>           minutes of the memory part (${USUAL.minutes})
  --scale <n>             share of the rows of growth, lists and verify (${USUAL.scale})
  --quick                 all of it tiny: shows that it works; goals do not count
  --without-peers         nothing that must be installed from npm first
  --profile <directory>   keep CPU profiles of Toolgate's servers there
  --json                  print the figures as JSON
  --write                 keep each part's report in bench/results.md
  --help                  this text`
}

export function readOptions(parts: readonly Part[], words = process.argv.slice(2)): Options {
  const { values } = parseArgs({
    args: words,
    options: {
      only: { type: 'string' },
      all: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      scale: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'without-peers': { type: 'boolean', default: false },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, json, write, help } = values
  const usual = quick ? QUICK : USUAL
  const run: Run = {
    rounds: positive('rounds', values.rounds, usual.rounds),
    seconds: positive('seconds', values.seconds, usual.seconds),
    minutes: positive('minutes', values.minutes, usual.minutes),
    scale: positive('scale', values.scale, usual.scale),
    quick,
    without_peers: values['without-peers'],
    profile_directory: values.profile,
  }
  if (write && quick) throw new Error('--quick measures nothing that is worth --write')
  return { parts: choose(parts, values.only, values.all), run, json, write, help }
}

function choose(parts: readonly Part[], only: string | undefined, all: boolean): readonly Part[] {
  if (only === undefined) return parts.filter(({ long }) => all || !long)
  const names = only.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !parts.some((part) => part.name === name))
  if (unknown.length > 0)
    throw new Error(
      `there is no part ${unknown.join(', ')}; there are ${parts.map(({ name }) => name).join(', ')}`,
    )
  return parts.filter(({ name }) => names.includes(name))
}

function positive(name: string, text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text)
  if (!(value > 0) || !Number.isFinite(value)) throw new Error(`--${name} takes a positive number`)
  if (name === 'rounds' && !Number.isInteger(value)) throw new Error('--rounds takes a whole number')
  return value
}
