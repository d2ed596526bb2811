import { type ScryptOptions, scryptSync } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** A thread of scrypt-pool.ts: derives one key after the other. */
export type Derivation = {
  password: string
  salt: Uint8Array
  key_bytes: number
  options: ScryptOptions
}

parentPort?.on('message', ({ password, salt, key_bytes, options }: Derivation) => {
  parentPort?.postMessage(scryptSync(password, salt, key_bytes, options))
})
