import { withClient } from '../servers/postgres.ts'
import type { Sign } from './families.ts'
import { addPerson, withInstallation } from './installation.ts'

/** `count` people. All have the password of the first, because making its hash takes as long as it should. */
export async function seedPeople(url: string, count: number): Promise<Sign[]> {
  const { account_id, username, password } = await withInstallation(url, addPerson)
  const names = Array.from({ length: count }, (_, number) => `${username}-${number}`)
  await withClient(url, (client) =>
    client.query(
      `insert into accounts (id, username, password_hash, roles)
       select name, name, password_hash, roles from accounts, unnest($2::text[]) name where id = $1`,
      [account_id, names],
    ),
  )
  return names.map((name) => ({ username: name, password }))
}
