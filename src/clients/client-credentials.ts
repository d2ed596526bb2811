import { AppError } from '../base/errors.ts'
import { ASSERTION_TYPE, claimedClientId } from './keys/client-assertion.ts'

/**
 * Who a request says it comes from, and by what it would prove that: client_secret_basic, client_secret_post (RFC 6749
 * §2.3.1) or private_key_jwt (RFC 7523 §2.2), as the parameters of the latter two. Without a secret or an assertion,
 * somebody who proves nothing: a public client. The one reader for every endpoint.
 */
export type ClientCredentials = { client_id?: string; client_secret?: string; client_assertion?: string }

export type Parameters = { get(name: string): string | undefined }

const PARAMETERS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']

const ASSERTION_MAX_LENGTH = 8_192

/**
 * Reads the Authorization header and the form; another scheme than Basic authenticates no client, and what is empty is
 * absent. Throws `unauthenticated` for credentials that cannot be read, `invalid_input` for several at once.
 */
export function readClientCredentials(
  authorization: string | undefined,
  form: Parameters,
): ClientCredentials {
  const [client_id, client_secret, assertion, type] = PARAMETERS.map((name) => form.get(name) || undefined)
  const basic = readBasic(authorization)
  // RFC 6749 §2.3: the client MUST NOT use more than one method in each request.
  if ([basic, client_secret, assertion ?? type].filter((way) => way !== undefined).length > 1)
    throw new AppError(
      'invalid_input',
      'Authenticate in one way only: the Authorization header, client_secret or client_assertion',
    )
  const found = basic ?? readAssertion(assertion, type) ?? readSecret(client_id, client_secret)
  if (client_id !== undefined && found.client_id !== client_id)
    throw new AppError('invalid_input', 'client_id is not the client that authenticates')
  return found
}

function malformed(what: string): AppError {
  return new AppError('unauthenticated', `The client is not authenticated: ${what}`)
}

/** RFC 9110 §11.1: the scheme has any case, and is followed by spaces. */
const BASIC = /^basic(?: +(.*))?$/i
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

function readBasic(authorization: string | undefined): ClientCredentials | undefined {
  const scheme = BASIC.exec(authorization ?? '')
  if (!scheme) return undefined
  const encoded = scheme[1] ?? ''
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('latin1')) ?? []
  const [client_id, client_secret] = [formDecoded(id), formDecoded(secret)]
  if (!BASE64.test(encoded) || !client_id || client_secret === undefined)
    throw malformed('Basic needs base64 of client_id:client_secret, each of them form-urlencoded')
  // RFC 6749 §2.3.1: a secret that is empty may as well be left out.
  return client_secret === '' ? { client_id } : { client_id, client_secret }
}

/** Decodes what RFC 6749 §2.3.1 encodes; undefined for what is no VSCHAR (appendix A) after that. */
function formDecoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return /^[\x20-\x7e]*$/.test(decoded) ? decoded : undefined
  } catch {
    return undefined
  }
}

function readAssertion(
  assertion: string | undefined,
  type: string | undefined,
): ClientCredentials | undefined {
  if (assertion === undefined && type === undefined) return undefined
  if (assertion === undefined || type !== ASSERTION_TYPE)
    throw new AppError('invalid_input', `client_assertion needs client_assertion_type ${ASSERTION_TYPE}`)
  const client_id = assertion.length > ASSERTION_MAX_LENGTH ? undefined : claimedClientId(assertion)
  if (client_id === undefined)
    throw malformed('the client assertion must be a signed JWT whose iss and sub are the client_id')
  return { client_id, client_assertion: assertion }
}

function readSecret(client_id: string | undefined, client_secret: string | undefined): ClientCredentials {
  if (client_id === undefined && client_secret !== undefined) throw malformed('client_secret needs client_id')
  return {
    ...(client_id === undefined ? {} : { client_id }),
    ...(client_secret === undefined ? {} : { client_secret }),
  }
}
