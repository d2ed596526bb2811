import { responseTo } from '../crawl/http-cache.ts'
import { headerOf, type JsonObject, stringsOf } from '../crawl/response.ts'
import { metadataScopes } from '../crawl/review-crawl.ts'
import { type Collected, notJudged, type Rule, rule, type Verdict, whereGuarded } from './rule.ts'
import { authorization, rfc } from './section.ts'

/** Is the RFC 9728 document one that clients can go on with? */
const ofDocument = (judge: (document: JsonObject, crawl: Collected) => Verdict) => (crawl: Collected) =>
  crawl.metadata.document
    ? judge(crawl.metadata.document, crawl)
    : notJudged('there is no metadata of the resource')

export const RESOURCE_METADATA_RULES: Rule[] = [
  rule('metadata.missing', 'high', authorization('protected-resource-metadata-discovery-requirements'), {
    title: 'There is no protected resource metadata',
    remediation:
      'Serve the RFC 9728 document at /.well-known/oauth-protected-resource and the path of the MCP endpoint.',
    judge: whereGuarded(({ options, metadata: { document, looked_at } }) => {
      if (options.strategy === 'token') return notJudged('with --strategy token there is no OAuth flow')
      return document === undefined && `no JSON document with 200 at ${looked_at.join(', ')}`
    }),
  }),
  rule('metadata.resource', 'high', rfc(9728, '3.3'), {
    title: 'The metadata is about another resource',
    remediation: 'Let resource be exactly the URL that people type, character by character.',
    judge: ofDocument(
      ({ resource }, { url }) =>
        resource !== url &&
        `${resource}/` !== url &&
        `resource is ${JSON.stringify(resource)}, not ${JSON.stringify(url)}`,
    ),
  }),
  rule('metadata.no-server', 'high', authorization('authorization-server-location'), {
    title: 'The metadata names no authorization server',
    remediation: 'Name the issuer in authorization_servers.',
    judge: ofDocument(({ authorization_servers }) => {
      const has_url = stringsOf(authorization_servers)?.some((issuer) => URL.canParse(issuer))
      return !has_url && 'authorization_servers has no URL in it'
    }),
  }),
  rule('metadata.no-scopes', 'low', authorization('scope-selection-strategy'), {
    title: 'The metadata names no scopes',
    remediation: 'List in scopes_supported what a client may ask for to begin with.',
    judge: ofDocument(
      (_, crawl) => metadataScopes(crawl).length === 0 && 'scopes_supported is absent or empty',
    ),
  }),
  rule('metadata.token-in-query', 'medium', rfc(6750, '2.3'), {
    title: 'The metadata invites clients to put tokens into addresses',
    remediation: 'Let bearer_methods_supported be ["header"].',
    judge: ofDocument(
      ({ bearer_methods_supported }) =>
        stringsOf(bearer_methods_supported)?.includes('query') === true &&
        'bearer_methods_supported has "query"',
    ),
  }),
  rule('metadata.no-cors', 'low', rfc(9728, '2'), {
    title: 'Clients in browsers cannot read the metadata',
    remediation:
      'Send Access-Control-Allow-Origin: * with the documents below /.well-known/, which are public.',
    judge(crawl) {
      const urls = [crawl.metadata, ...crawl.servers].flatMap(({ url }) => url ?? [])
      if (urls.length === 0) return notJudged('there is no metadata')
      const closed = urls.filter((url) => {
        const response = responseTo(crawl, 'cross-origin GET', url)
        return headerOf(response, 'access-control-allow-origin') === undefined
      })
      return closed.length > 0 && `no Access-Control-Allow-Origin at ${closed.join(', ')}`
    },
  }),
]
