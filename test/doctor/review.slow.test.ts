import { afterEach, describe, expect, it } from 'vitest'
import type { ActiveOptions, ReviewOptions } from '../../src/doctor/crawl/mcp-prober.ts'
import { type Review, review } from '../../src/doctor/review.ts'
import { RULES } from '../../src/doctor/rules/rules.ts'
import { type BadDeployment, catalogueOf, startBadDeployment } from './fixtures/bad-deployment.ts'
import { ACTIVE_FAULTS, FAULTS, type Fault } from './fixtures/faults.ts'

let deployment: BadDeployment
afterEach(() => deployment.close())

/** The person's browser, who consents to everything at once. */
const onPerson = (address: string) => void fetch(address)
const ACTIVE: ActiveOptions = { onPerson, grace_ms: 0, person_timeout_ms: 20_000, revocation_timeout_ms: 500 }

async function reviewed(options: Partial<ReviewOptions> = {}): Promise<Review> {
  const result = await review({ url: deployment.url, ...options })
  if ('unreviewed' in result) throw new Error(result.unreviewed)
  return result
}

/** Everything that a reviewer can be given. */
function everything(fault?: Fault): Partial<ReviewOptions> {
  const { authorization, url } = deployment
  return {
    token: authorization.give(),
    second_token: authorization.give({ user: 'bob' }),
    foreign_token: authorization.give({ audience: 'https://other.test/mcp' }),
    expired_token: authorization.give({ is_expired: true }),
    read_only_token: authorization.give({ scopes: ['read'] }),
    catalogue: catalogueOf(url, fault),
  }
}

function entrusted(): Partial<ReviewOptions> {
  const { authorization, issuer } = deployment
  return { operator_token: authorization.operator_token, issuer, active: ACTIVE }
}

const idsOf = ({ findings }: Review) => findings.map(({ id }) => id)

describe('a deployment without a fault', () => {
  it('has no findings, and what was not asked does not count as passed', async () => {
    deployment = await startBadDeployment()
    const { findings, passed, not_judged } = await reviewed()
    expect(findings).toEqual([])
    expect(not_judged.map(({ id }) => id)).toContain('tokens.audience')
    expect(passed).not.toContain('tokens.audience')
    expect(passed.length + not_judged.length).toBe(RULES.length)
  })

  it('passes every check there is, given all that the checks need', async () => {
    deployment = await startBadDeployment()
    const { findings, not_judged, revocation } = await reviewed({ ...everything(), ...entrusted() })
    expect(findings).toEqual([])
    expect(not_judged).toEqual([])
    expect(revocation?.tries).toBe(3)
  })
})

describe('a deployment that', () => {
  it.each(Object.entries(FAULTS) as [Fault, string][])('%s: %s, and nothing else', async (fault, id) => {
    deployment = await startBadDeployment(fault)
    expect(idsOf(await reviewed(everything(fault)))).toEqual([id])
  })

  it.each(Object.entries(ACTIVE_FAULTS) as [Fault, string][])(
    '%s: %s, and nothing else',
    async (fault, id) => {
      deployment = await startBadDeployment(fault)
      expect(idsOf(await reviewed({ ...everything(fault), ...entrusted() }))).toEqual([id])
      await deployment.close()
      deployment = await startBadDeployment(fault)
      expect(idsOf(await reviewed(everything(fault)))).toEqual([])
    },
  )

  it('every finding has a fault that shows it', () => {
    const shown = [...Object.values(FAULTS), ...Object.values(ACTIVE_FAULTS)]
    expect(RULES.map(({ id }) => id).filter((id) => !shown.includes(id as never))).toEqual([
      'revocation.slow',
    ])
  })
})

it('what the reviewer was trusted with goes to no other server than the one that he named', async () => {
  deployment = await startBadDeployment()
  const { not_judged } = await reviewed({ ...entrusted(), issuer: 'https://auth.example' })
  expect(not_judged.find(({ id }) => id === 'audit.calls')?.why).toContain('--issuer')
})

it('no token is in what a review says', async () => {
  deployment = await startBadDeployment('repeats tokens')
  const options = { ...everything(), ...entrusted() }
  const said: string[] = []
  const result = await review({ url: deployment.url, ...options }, (step) => said.push(step))
  const text = JSON.stringify([result, said])
  const secrets = [...deployment.authorization.tokens.keys(), deployment.authorization.operator_token]
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
})
