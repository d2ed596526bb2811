import type { ClientAuthentication, ServerSettings } from './server-settings.ts'

export function createClientAuthentication(settings: ServerSettings): ClientAuthentication {
  const { client_id, client_secret, private_key } = settings
  if (private_key)
    return loaded(import('./private-key.ts').then((way) => way.byPrivateKey(settings, private_key)))
  // RFC 6749 §2.3.1: id and secret are form-urlencoded before they become Basic credentials.
  const authorization = `Basic ${btoa(`${formEncode(client_id)}:${formEncode(client_secret ?? '')}`)}`
  return { proof: async () => ({ headers: { authorization }, parameters: {} }), refused() {} }
}

/** Not everybody has a private key: what signs with it is loaded by itself. */
function loaded(way: Promise<ClientAuthentication>): ClientAuthentication {
  // Awaited at every use; here it must not end the process.
  way.catch(() => {})
  return { proof: async () => (await way).proof(), refused: () => void way.then((known) => known.refused()) }
}

function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1)
}
