import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { generateKeys } from '../authorization-server/keys.ts'
import { generateSigningKey } from '../clients/keys/signing-key.ts'
import { groupOf } from './action-commands.ts'

/** Keys that are made here and stored nowhere: of a server, and of an MCP server that signs. */
export function registerKeyCommands(program: Command): void {
  program
    .command('keys')
    .description('signing and cookie keys')
    .command('create')
    .description('print new keys for TOOLGATE_KEYS or TOOLGATE_KEYS_FILE')
    .action(async () => console.log(JSON.stringify(await generateKeys())))
  groupOf(program, ['resource-servers'])
    .command('create-key')
    .argument('<file>', 'a new file, readable by you only')
    .description('Makes a key: the private half goes into the file, the public half (a JWK Set) is printed.')
    .action(createKey)
}

/** The private half into a file that is new and closed to others, the public half to be registered. */
async function createKey(file: string): Promise<void> {
  const { private_key, jwks } = await generateSigningKey()
  writeFileSync(file, `${JSON.stringify(private_key)}\n`, { mode: 0o600, flag: 'wx' })
  console.log(JSON.stringify(jwks))
}
