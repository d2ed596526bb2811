import { isLoopbackRedirectHost } from '../../base/host.ts'

/**
 * Pure: who gets a code, which is what a redirect URI comes down to for people. A web host is who its certificate says; behind
 * a port of this computer may be any program; a scheme may be claimed by any app. RFC 8252 §7, §8.
 */
export type Receiver =
  | { kind: 'web'; host: string }
  | { kind: 'loopback'; host: string }
  | { kind: 'app'; scheme: string }

/** The receiver at this address; undefined for what is no absolute URL. The host of a URL that is not http(s) is nobody's. */
export function receiverOf(redirect_uri: string): Receiver | undefined {
  const url = URL.parse(redirect_uri)
  if (!url) return undefined
  if (url.protocol === 'https:') return { kind: 'web', host: url.host }
  if (url.protocol !== 'http:') return { kind: 'app', scheme: url.protocol }
  return { kind: isLoopbackRedirectHost(url.hostname) ? 'loopback' : 'web', host: url.host }
}

/** As it is stored, recorded and listed: `claude.ai`, `127.0.0.1:33418`, `cursor:`. */
export function receiverName(redirect_uri: string): string {
  const receiver = receiverOf(redirect_uri)
  if (!receiver) return 'unknown'
  return receiver.kind === 'app' ? receiver.scheme : receiver.host
}

/** Of a client that registered these, each once. */
export function receiverNames(redirect_uris: readonly string[]): string[] {
  return [...new Set(redirect_uris.map(receiverName))]
}

/** As people read it, from its name. */
export function receiverText(name: string): string {
  if (/^[a-z][a-z\d+.-]*:$/.test(name)) return `an app on your device that answers to ${name}`
  return URL.canParse(`http://${name}`) && isLoopbackRedirectHost(new URL(`http://${name}`).hostname)
    ? `a program on your computer (${name})`
    : name
}

/** True when only an app on a person's own device can receive at this address. */
export function isNative(redirect_uri: string): boolean {
  const kind = receiverOf(redirect_uri)?.kind
  return kind === 'loopback' || kind === 'app'
}
