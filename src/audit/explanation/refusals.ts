import {
  accountDisabled,
  CONNECT_AGAIN,
  client,
  type Explanation,
  explained,
  type Facts,
  mcpServer,
  operator,
  type Remedy,
  user,
} from './verdict.ts'

/** Why a request was refused before any token was looked at: by OAuth, at sign-in, or to an operator. */
type Refusal = [reason: string, ...remedies: Remedy[]]

/** What each error means here. RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2. */
const ERRORS: Record<string, Refusal> = {
  invalid_grant: [
    'The code or refresh token is expired, used, revoked, or was given to another client or redirect address.',
    client('Drop the code or refresh token and ask for authorization again.'),
    CONNECT_AGAIN,
  ],
  invalid_client: [
    'The client is not known here, or did not prove that it is the one it says.',
    client('Register again, or publish the metadata document at the client_id.'),
    operator('Look whether the client was removed or blocked.'),
  ],
  invalid_target: [
    'The request names a resource that the catalogue does not have, or none where there are several.',
    client('Name the resource exactly as the MCP server’s metadata does.'),
    operator('If the MCP server is new, add it to the catalogue.'),
  ],
  invalid_scope: [
    'The request asks for a scope that the resource does not have or that goes beyond what was granted.',
    client('Ask for scopes that the metadata or the challenge names.'),
  ],
  invalid_redirect_uri: [
    'The redirect address is none that the client registered.',
    client('Send a registered redirect_uri, or register this one.'),
  ],
  unsupported_grant_type: [
    'Tokens are given for authorization codes and refresh tokens only.',
    client('Use the authorization code flow with PKCE.'),
  ],
  access_denied: [
    'The person did not allow it, or the account’s roles hold nothing that was asked for.',
    operator('Look which roles the account has.'),
    CONNECT_AGAIN,
  ],
}

const OTHER_ERROR: Refusal = [
  'The request was not as the protocol wants it.',
  client('Send the request as the error describes.'),
]

export function explainOAuthError({ event, account }: Facts): Explanation {
  const error = String(event.detail?.error ?? 'unknown')
  const [reason, ...remedies] = (Object.hasOwn(ERRORS, error) ? ERRORS[error] : undefined) ?? OTHER_ERROR
  const described = event.detail?.error_description
  const reasons = [
    `${reason} (${error}${typeof described === 'string' ? `: ${described}` : ''})`,
    ...(account?.disabled ? [`The account ${account.username} is disabled.`] : []),
  ]
  return { verdict: 'request_refused', reasons, remedies }
}

export function explainOperatorRefusal({ event, account }: Facts): Explanation {
  if (event.account_id === null)
    return explained(
      'credentials_missing',
      'The request to the operator API or MCP server carried no token that is live there: none, an expired or revoked one, or one for another resource.',
      operator('Make an operator token and send it in the Authorization header as Bearer.'),
    )
  const name = account?.username ?? event.account_id
  return explained(
    'operator_scope_missing',
    `${name} asked for ${String(event.detail?.route ?? 'a page')}, which needs ${event.scope}, and has no role that holds it.`,
    operator(`Give ${name} the role auditor to look, or operator to do everything.`),
  )
}

export function explainSignIn({ event, account }: Facts): Explanation {
  if (event.detail?.reason === 'throttled')
    return explained(
      'sign_in_throttled',
      'Too many attempts to sign in failed, for this account or from this address.',
      user('Wait 15 minutes, then try again.'),
      operator('If nobody should be trying, look where the attempts come from.'),
    )
  if (account?.disabled) return accountDisabled(account.username)
  return explained(
    'sign_in_refused',
    account
      ? `The password for ${account.username} was wrong, or the account was disabled then.`
      : 'No account has the name that was typed. What was typed is not recorded: people type passwords there.',
    user('Check the username and the password.'),
    operator(account ? 'Reset the password if it is lost.' : 'Create the account if it is missing.'),
  )
}

export function explainResourceServer({ event }: Facts): Explanation {
  const fault = typeof event.detail?.fault === 'string' ? ` ${event.detail.fault}` : ''
  return explained(
    'resource_server_refused',
    `${event.detail?.presented_client_id ?? 'Whoever asked'} did not authenticate as a resource server, so nothing about the token was said.${fault}`,
    mcpServer('Check the client_id and the secret or key that introspection is asked with.'),
    operator('List the resource servers; replace the credential of this one if it is lost.'),
  )
}
