import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import type { Form } from '../http/form.ts'
import { validate } from '../http/validate.ts'
import {
  EXPIRING_DAYS,
  OVERLAP_HOURS_DEFAULT,
  OVERLAP_HOURS_MAX,
  TOKEN_DAYS_DEFAULT,
  TOKEN_DAYS_MAX,
  TOKEN_NAME_MAX,
} from '../personal-tokens/personal-access-tokens.ts'
import type { TokenOffer } from '../personal-tokens/personal-token-offer.ts'
import { TOKEN_ROLES } from '../personal-tokens/personal-token-scopes.ts'
import type { Page } from './page.ts'

/** Forms about personal access tokens, the same for operators and for people. `at` is where their pages are. */
export type TokenPlace = {
  at: '/operator/personal-tokens' | '/account/tokens'
  for_operator: boolean
  may_change: boolean
  may_revoke: boolean
}

const LIMITS = {
  days_max: TOKEN_DAYS_MAX,
  days_default: TOKEN_DAYS_DEFAULT,
  name_max: TOKEN_NAME_MAX,
  overlap_max: OVERLAP_HOURS_MAX,
  overlap_default: OVERLAP_HOURS_DEFAULT,
  expiring_days: EXPIRING_DAYS,
}

const TOKEN_ID = /^pat_[0-9a-f]{32}$/

/** The id in the path. Throws `not_found` for what cannot be one. */
export function tokenIn({ ctx }: Page): string {
  const id = String(ctx.params.id)
  if (!TOKEN_ID.test(id)) throw new AppError('not_found', 'There is no such live personal access token')
  return id
}

/** A parameter of the address, absent when it is empty, as a form sends what was left out. */
export function asked({ ctx }: Page, name: string): string | undefined {
  const value = ctx.query[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

const creation = z.object({
  resource: z.string(),
  name: z.string('Give the token a name'),
  role: z.enum(TOKEN_ROLES, 'Choose what the token may do'),
  scopes: z.array(z.string()),
  days: z.coerce.number('Say how many days it lives'),
})

/** What was asked for. Throws `invalid_input`. */
export function readCreation(form: Form): z.output<typeof creation> {
  return validate(creation, {
    resource: form.get('resource'),
    name: form.get('name'),
    role: form.get('role'),
    scopes: form.all('scope'),
    days: form.get('days'),
  })
}

const rotation = z.object({
  overlap_hours: z.coerce.number().default(OVERLAP_HOURS_DEFAULT),
  days: z.coerce.number().optional(),
  value_id: z.string(),
})

export function readRotation(form: Form): z.output<typeof rotation> {
  return validate(rotation, {
    overlap_hours: form.get('overlap_hours'),
    days: form.get('days'),
    value_id: form.get('value_id'),
  })
}

export function showTokens(page: Page, place: TokenPlace, data: object): void {
  page.show('personal-tokens/list', { ...place, limits: LIMITS, ...data })
}

export function showToken(page: Page, place: TokenPlace, token: object): void {
  page.show('personal-tokens/one', { ...place, limits: LIMITS, token })
}

/** The token itself, on the answer to the form and nowhere else. */
export function showMade(page: Page, place: TokenPlace, made: { id: string; token: string }): void {
  page.ctx.set('Cache-Control', 'no-store')
  page.show('personal-tokens/made', { ...place, ...made })
}

/** The form for a new one: empty, or as it was sent, with what is wrong. */
export function showNewToken(
  page: Page,
  place: TokenPlace,
  shown: { offer?: TokenOffer | undefined; error?: string | undefined; [kept: string]: unknown },
): void {
  const { form } = page
  const filled = { name: form.get('name'), role: form.get('role'), days: form.get('days') }
  page.show('personal-tokens/new', {
    ...place,
    limits: LIMITS,
    filled: { ...filled, scopes: new Set(form.all('scope')) },
    ...shown,
  })
}
