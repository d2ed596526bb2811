import type { RequestOrigin } from '../../audit/log/action-origin.ts'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import type { Form } from '../../http/form.ts'
import { isPersonalAccessToken } from '../../personal-tokens/personal-access-token.ts'
import { plainUserAgent } from '../../personal-tokens/user-agents.ts'
import type { Question } from './decision.ts'
import { presentedCredentials } from './resource-server-authentication.ts'

/** Access tokens are 43 base64url characters. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/
const METHOD_MAX = 128
const NAME_MAX = 2_048

/** Reads RFC 7662 §2.1 and our parameters. Throws `invalid_input` or `unauthenticated`. */
export function readQuestion(
  form: Form,
  { authorization, request_id, ip }: RequestOrigin & { authorization: string | undefined },
): Question {
  const credentials = presentedCredentials(authorization, form)
  const token = form.get('token')
  if (token === undefined || token === '') throw new AppError('invalid_input', 'token is missing')
  const mcp_method = limited(form, 'mcp_method', METHOD_MAX)
  const mcp_name = limited(form, 'mcp_name', NAME_MAX)
  if (mcp_name !== undefined && mcp_method === undefined)
    throw new AppError('invalid_input', 'mcp_name needs mcp_method')
  if (mcp_method === 'tools/call' && mcp_name === undefined)
    throw new AppError('invalid_input', 'mcp_method tools/call needs mcp_name, the name of the tool')
  const token_id = tokenIdOf(token)
  const user_agent = plainUserAgent(form.get('mcp_user_agent'))
  return { credentials, token_id, mcp_method, mcp_name, user_agent, request_id, ip }
}

/** Under which id a token is looked up; undefined for what cannot be one, which costs no query. */
export function tokenIdOf(token: string): Buffer | undefined {
  return TOKEN.test(token) || isPersonalAccessToken(token) ? sha256(token) : undefined
}

function limited(form: Form, name: string, max: number): string | undefined {
  const value = form.get(name)
  if (value === undefined || value === '') return undefined
  if (value.length > max) throw new AppError('invalid_input', `${name} is longer than ${max} characters`)
  return value
}
