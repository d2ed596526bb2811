import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)
const seconds = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum)

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

const isSink = (place: string) =>
  /^(stdout|file:.+)$/.test(place) || (/^https?:\/\/[^@]+$/.test(place) && URL.canParse(place))
const sinks = z
  .string()
  .transform((text) => text.split(/\s+/).filter(Boolean))
  .refine((list) => list.every(isSink), 'must list stdout, file:<path> or URLs without a password')

/** Every variable Toolgate reads, without its prefix. The README's configuration table is checked against this. */
export const Environment = z.strictObject({
  ENV: z.enum(['development', 'production']).default('development'),
  ISSUER: issuer.optional(),
  HOST: z.string().min(1).optional(),
  PORT: port.default(4000),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres://')
    .optional(),
  DATABASE_SERVER_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be the name of a role: a-z, 0-9 and _')
    .optional(),
  DATABASE_POOL_MAX: z.coerce.number().int().min(4).max(200).default(16),
  DATA_DIR: z.string().min(1).default('.toolgate'),
  CATALOGUE: z.string().min(1).optional(),
  TRUSTED_PROXY_HOPS: z.coerce.number().int().min(0).max(10).default(0),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  KEYS: z.string().min(1).optional(),
  ACCESS_TOKEN_TTL: seconds(60, 86_400).default(900),
  REFRESH_TOKEN_TTL: seconds(3_600, 34_560_000).default(2_592_000),
  GRANT_TTL: seconds(3_600, 63_072_000).default(15_552_000),
  REFRESH_GRACE: seconds(0, 300).default(30),
  REGISTRATION: z.enum(['open', 'token', 'closed']).default('open'),
  REGISTRATION_TOKEN: z.string().min(32, 'must have at least 32 characters').optional(),
  REGISTRATION_NEW_CLIENTS_PER_HOUR: z.coerce.number().int().min(1).max(1_000_000).default(60),
  CLIENT_DOCUMENTS: z.enum(['open', 'allow-list', 'closed']).default('open'),
  CLIENT_DOCUMENT_HOSTS: hosts.optional(),
  CLIENT_DOCUMENTS_DRY_RUN: z.enum(['on', 'off']).default('off'),
  AUDIT_RETENTION_MONTHS: z.coerce.number().int().min(1).max(1_200).optional(),
  AUDIT_ARCHIVE_DIR: z.string().min(1).optional(),
  AUDIT_KEY: z.string().min(1).optional(),
  AUDIT_CHECKPOINT_INTERVAL: seconds(1, 86_400).default(60),
  AUDIT_CHECKPOINT_SINKS: sinks.optional(),
  EXAMPLE_SERVER: z.enum(['on', 'off']).optional(),
  EXAMPLE_PORT: port.default(4001),
})

export type Environment = z.infer<typeof Environment>
