import { z } from 'zod'

const whole = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum)
const port = whole(0, 65_535)
const text = z.string().min(1)

/** RFC 8414 §2: no query and no fragment. Clients compare it byte by byte, so there is one way to write it. */
function issuerFault(value: string): string | undefined {
  if (!URL.canParse(value)) return 'is not a URL; example: https://auth.example.com'
  const url = new URL(value)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https URL'
  const canonical = (url.origin + url.pathname).replace(/\/$/, '')
  if (value !== canonical) return `must have no trailing slash, query or fragment; did you mean ${canonical}?`
  return undefined
}

const issuer = z.string().superRefine((value, context) => {
  const message = issuerFault(value)
  if (message) context.addIssue({ code: 'custom', message })
})

/** Hosts separated by commas or spaces; `*.example.com` stands for every host below example.com. */
const hosts = z
  .string()
  .transform((text) =>
    text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean),
  )
  .refine(
    (list) => list.every((host) => /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(host)),
    'must be a list of hosts',
  )

/** RFC 3986 §3.1. A page may register for any scheme that begins with `web+`, so none of those. */
const schemes = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter(Boolean))
  .refine(
    (list) =>
      list.every(
        (scheme) =>
          /^(?!web\+)[a-z][a-z\d+.-]*$/.test(scheme) && !/^(https?|javascript|data|file|blob)$/.test(scheme),
      ),
    'must be a list of schemes of apps, in lower case and without a colon',
  )

const isSink = (place: string) =>
  /^(stdout|file:.+)$/.test(place) || (/^https?:\/\/[^@]+$/.test(place) && URL.canParse(place))
const sinks = z
  .string()
  .transform((text) => text.split(/\s+/).filter(Boolean))
  .refine((list) => list.every(isSink), 'must list stdout, file:<path> or URLs without a password')

const GENERATED = 'made in the data directory; required in production'

/**
 * Every variable that Toolgate reads, without its prefix. docs/configuration.md is made from it; `unset` says there what
 * holds without the variable.
 */
export const Environment = z.strictObject({
  ENV: z
    .enum(['development', 'production'])
    .default('development')
    .describe('production refuses defaults that are only safe on one’s own machine'),
  ISSUER: issuer.optional().meta({
    description: 'public address, https in production, without trailing slash; may have a path',
    unset: '`http://localhost:<port>`; required in production',
  }),
  HOST: text
    .optional()
    .meta({ description: 'address to listen on', unset: '`127.0.0.1`; `0.0.0.0` in production' }),
  PORT: port.default(4000).describe('port to listen on'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres://')
    .optional()
    .meta({
      description: '`postgres://user:password@host/database`',
      unset: 'a private Postgres; required in production',
    }),
  DATABASE_SERVER_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be the name of a role: a-z, 0-9 and _')
    .optional()
    .describe('role that `toolgate migrate` lets do what a server needs, and nothing else'),
  DATABASE_POOL_MAX: whole(4, 200)
    .default(16)
    .describe(
      'connections of this process, half of them for tokens; introspection has 6 more, the audit log 3',
    ),
  DATA_DIR: text.default('.toolgate').describe('private Postgres and generated keys, where they are used'),
  CATALOGUE: text.optional().meta({
    description: 'catalogue file that `serve` applies when it starts',
    unset: '`catalogue.yaml`; none in production',
  }),
  KEYS: text.optional().meta({ description: 'JSON of `toolgate keys create`', unset: GENERATED }),
  AUDIT_KEY: text
    .optional()
    .meta({ description: 'JSON of `toolgate audit key create`: signs checkpoints', unset: GENERATED }),
  AUDIT_CHECKPOINT_INTERVAL: whole(1, 86_400)
    .default(60)
    .describe('seconds between checkpoints of the audit log, while something is recorded'),
  AUDIT_CHECKPOINT_SINKS: sinks
    .optional()
    .describe('where checkpoints go: `stdout`, `file:<path>`, URLs of webhooks; separated by spaces'),
  TRUSTED_PROXY_HOPS: whole(0, 10)
    .default(0)
    .describe('reverse proxies in front whose `X-Forwarded-*` headers are believed'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
    .default('info')
    .describe('the least that is logged'),
  ACCESS_TOKEN_TTL: whole(60, 86_400).default(900).describe('seconds that an access token lives'),
  REFRESH_TOKEN_TTL: whole(3_600, 34_560_000)
    .default(2_592_000)
    .describe('seconds that a refresh token may stay unused'),
  GRANT_TTL: whole(3_600, 63_072_000)
    .default(15_552_000)
    .describe('seconds after which a person must consent again, however often refreshed'),
  REFRESH_GRACE: whole(0, 300)
    .default(30)
    .describe('seconds in which a spent refresh token gets the identical answer; 0 = none'),
  REGISTRATION: z
    .enum(['open', 'token', 'closed'])
    .default('open')
    .describe('who may register by RFC 7591: anybody, whoever has the initial access token, or nobody'),
  REGISTRATION_TOKEN: z
    .string()
    .min(32, 'must have at least 32 characters')
    .optional()
    .describe('the initial access token, at least 32 characters'),
  REGISTRATION_NEW_CLIENTS_PER_HOUR: whole(1, 1_000_000)
    .default(60)
    .describe('new clients from one address (IPv6: one /64); known ones do not count'),
  APP_SCHEMES: schemes
    .optional()
    .describe(
      'schemes of apps that codes may go to, besides reversed domain names and the apps that are known; separated by commas or spaces',
    ),
  CLIENT_DOCUMENTS: z
    .enum(['open', 'allow-list', 'closed'])
    .default('open')
    .describe('whose client ID metadata documents count'),
  CLIENT_DOCUMENT_HOSTS: hosts
    .optional()
    .describe('the allow-list: hosts, or `*.example.com`, separated by commas or spaces'),
  CLIENT_DOCUMENTS_DRY_RUN: z
    .enum(['on', 'off'])
    .default('off')
    .describe('only record which documents would be refused'),
  AUDIT_RETENTION_MONTHS: whole(1, 1_200).optional().meta({
    description: 'full months of the audit log that stay; older ones are dropped with a closing',
    unset: 'none: for ever',
  }),
  AUDIT_ARCHIVE_DIR: text
    .optional()
    .describe('where months of the audit log are archived before they are dropped'),
  EXAMPLE_SERVER: z
    .enum(['on', 'off'])
    .optional()
    .meta({ description: 'the notes MCP server beside this one', unset: '`on`; `off` in production' }),
  EXAMPLE_PORT: port.default(4001).describe('port of the example server'),
})

export type Environment = z.infer<typeof Environment>
