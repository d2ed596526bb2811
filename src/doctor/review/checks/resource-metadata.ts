import { type Check, foundIf, notMade, type Verdict } from '../finding.ts'
import { SECTION } from '../section.ts'
import { headerOf, isOpen, type Seen, textsIn } from '../seen.ts'

/** Is the RFC 9728 document one that clients can go on with? */
type Document = Record<string, unknown>

function ofDocument(seen: Seen, judge: (document: Document) => Verdict): Verdict {
  return seen.metadata.document
    ? judge(seen.metadata.document)
    : notMade('there is no metadata of the resource')
}

export const RESOURCE_METADATA_CHECKS: Check[] = [
  {
    id: 'metadata.missing',
    title: 'There is no protected resource metadata',
    severity: 'high',
    section: SECTION.metadata_location,
    mend: 'Serve the RFC 9728 document at /.well-known/oauth-protected-resource and the path of the MCP endpoint.',
    judge(seen) {
      if (isOpen(seen)) return notMade('the server asks for no token')
      if (seen.options.strategy === 'token') return notMade('with --strategy token there is no OAuth flow')
      const looked = seen.metadata.exchanges.map(({ url }) => url).join(', ')
      return foundIf(seen.metadata.document === undefined, `no JSON document with 200 at ${looked}`)
    },
  },
  {
    id: 'metadata.resource',
    title: 'The metadata is about another resource',
    severity: 'high',
    section: SECTION.resource,
    mend: 'Let resource be exactly the URL that people type, character by character.',
    judge: (seen) =>
      ofDocument(seen, ({ resource }) =>
        foundIf(
          resource !== seen.options.url && `${resource}/` !== seen.options.url,
          `resource is ${JSON.stringify(resource)}, not ${JSON.stringify(seen.options.url)}`,
        ),
      ),
  },
  {
    id: 'metadata.no-server',
    title: 'The metadata names no authorization server',
    severity: 'high',
    section: SECTION.server_location,
    mend: 'Name the issuer in authorization_servers.',
    judge: (seen) =>
      ofDocument(seen, ({ authorization_servers }) => {
        const issuers = textsIn(authorization_servers).filter((issuer) => URL.canParse(issuer))
        return foundIf(issuers.length === 0, 'authorization_servers has no URL in it')
      }),
  },
  {
    id: 'metadata.no-scopes',
    title: 'The metadata names no scopes',
    severity: 'low',
    section: SECTION.scope_selection,
    mend: 'List in scopes_supported what a client may ask for to begin with.',
    judge: (seen) =>
      ofDocument(seen, ({ scopes_supported }) =>
        foundIf(textsIn(scopes_supported).length === 0, 'scopes_supported is absent or empty'),
      ),
  },
  {
    id: 'metadata.token-in-query',
    title: 'The metadata invites clients to put tokens into addresses',
    severity: 'medium',
    section: SECTION.bearer_in_query,
    mend: 'Let bearer_methods_supported be ["header"].',
    judge: (seen) =>
      ofDocument(seen, ({ bearer_methods_supported }) =>
        foundIf(textsIn(bearer_methods_supported).includes('query'), 'bearer_methods_supported has "query"'),
      ),
  },
  {
    id: 'metadata.no-cors',
    title: 'Clients in browsers cannot read the metadata',
    severity: 'low',
    section: SECTION.resource_members,
    mend: 'Send Access-Control-Allow-Origin: * with the documents below /.well-known/, which are public.',
    judge(seen) {
      const documents = [seen.metadata, ...seen.servers]
      const found = documents.filter(({ document }) => document !== undefined)
      if (found.length === 0) return notMade('there is no metadata')
      const closed = found
        .map(({ exchanges }) => exchanges.at(-1))
        .filter((answer) => headerOf(answer, 'access-control-allow-origin') === undefined)
      return foundIf(
        closed.length > 0,
        `no Access-Control-Allow-Origin at ${closed.map((answer) => answer?.url).join(', ')}`,
      )
    },
  },
]
