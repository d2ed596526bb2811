import { fileLog } from 'toolgate-guard/local'

/** Records calls in the file that it is given, says so after each, and ends when it is killed or cannot go on. */
const [path = '', count = 'Infinity'] = process.argv.slice(2)
const log = fileLog(path, { name: 'append-until-killed' })
try {
  for (let index = 0; index < Number(count); index++) {
    await log.append([
      { type: 'tool.decided', actor: { kind: 'local_user' }, tool: `tool_${index}`, decision: 'allowed' },
    ])
    process.stdout.write(`${index}\n`)
  }
} catch (error) {
  process.stdout.write(`failed: ${(error as Error).message}\n`)
  process.exitCode = 3
}
