// A client that anybody registered chooses where codes go and what it is called. It must choose neither what the pages, the
// lists and the log say about who gets the code, nor anything that reads as if somebody here vouched for it.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { displayName, nameFault } from '../../src/clients/registration/client-name.ts'
import { receiverName, receiverOf } from '../../src/clients/registration/receiver.ts'
import { redirectUriFault } from '../../src/clients/registration/redirect-uris.ts'
import { redirectUrisOf, shapesOf } from '../../src/doctor/clients/client-facts.ts'
import { FAMILIES } from '../../src/doctor/clients/index.ts'
import { PASSWORD, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'
import { FOREIGN_SCHEMES } from './foreign-schemes.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start({
    env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '100000', TOOLGATE_APP_SCHEMES: 'house-app' },
  })
})
afterAll(() => toolgate.close())

const register = (body: object) =>
  toolgate.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

const KNOWN = Object.values(FAMILIES).flat().flatMap(shapesOf)
const OF_CLAUDE = '//claude.ai/api/mcp/auth_callback'

describe('a scheme', () => {
  const BEHIND = [OF_CLAUDE, ':x', '/cb', 'query=x', '//localhost/cb', '//127.0.0.1:33418/cb', '']

  it(`of ${FOREIGN_SCHEMES.length} that are no app's is not accepted, whatever stands behind it`, () => {
    const spellings = FOREIGN_SCHEMES.flatMap((scheme) => [scheme, scheme.toUpperCase()])
    const taken = spellings
      .flatMap((scheme) => BEHIND.map((rest) => `${scheme}:${rest}`))
      .filter((uri) => redirectUriFault(uri) === undefined)
    expect(taken).toEqual([])
  })

  it('of those is not registered either', async () => {
    const answers = await Promise.all(
      FOREIGN_SCHEMES.map(async (scheme) => {
        const answer = await register({ client_name: 'x', redirect_uris: [`${scheme}:${OF_CLAUDE}`] })
        return { scheme, status: answer.status, error: ((await answer.json()) as { error: string }).error }
      }),
    )
    const not_refused = answers.filter(
      ({ status, error }) => status !== 400 || error !== 'invalid_redirect_uri',
    )
    expect(not_refused).toEqual([])
  })

  it('of an app is a reversed domain name, a known app, or one that operators know', async () => {
    for (const scheme of ['com.example.app', 'dev.zed.preview', 'io.github.me', 'cursor', 'vscode-insiders'])
      expect(redirectUriFault(`${scheme}:/cb`)).toBeUndefined()
    expect(redirectUriFault('house-app:/cb')).toMatch(/reversed/)
    expect((await register({ client_name: 'x', redirect_uris: ['house-app://cb'] })).status).toBe(201)
  })

  it('web+… is not accepted: any page may claim it', () => {
    const tail = fc.stringMatching(/^[a-z][a-z0-9.+-]{0,20}$/)
    fc.assert(
      fc.property(tail, (text) => {
        expect(redirectUriFault(`web+${text}:${OF_CLAUDE}`)).toBeDefined()
      }),
      { numRuns: 1_000 },
    )
  })

  it('that is accepted never shows a host: 5,000 schemes with the address of Claude behind', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const scheme = fc.oneof(
      fc.stringMatching(/^[a-z][a-z0-9+.-]{0,20}$/),
      fc.tuple(fc.constantFrom('com', 'ai', 'app', 'io', 'x'), label, label).map((parts) => parts.join('.')),
      fc.constantFrom('cursor', 'claude', 'vscode'),
    )
    const seen = { taken: 0 }
    fc.assert(
      fc.property(scheme, (text) => {
        const uri = `${text}:${OF_CLAUDE}`
        if (/^https?$/.test(text) || redirectUriFault(uri) !== undefined) return
        seen.taken += 1
        expect(receiverOf(uri)).toEqual({ kind: 'app', scheme: `${text}:` })
        expect(receiverName(uri)).toBe(`${text}:`)
      }),
      { numRuns: 5_000 },
    )
    expect(seen.taken).toBeGreaterThan(1_000)
  })
})

describe('every client that is known', () => {
  it('passes with every address that it registers or sends', () => {
    const uris = KNOWN.flatMap((shape) => [
      ...redirectUrisOf(shape),
      ...(shape.identity.metadata.redirect_uris as readonly string[]),
    ])
    expect(uris.length).toBeGreaterThan(100)
    expect(uris.filter((uri) => redirectUriFault(uri) !== undefined)).toEqual([])
  })

  it('passes under its name, which is shown as it is', () => {
    const names = KNOWN.flatMap(({ identity }) =>
      'client_name' in identity.metadata ? [String(identity.metadata.client_name)] : [],
    )
    expect(names.length).toBeGreaterThan(20)
    expect(names.filter((name) => nameFault(name) !== undefined || displayName(name) !== name)).toEqual([])
  })
})

describe('an address', () => {
  it.each([
    'https:evil.example/cb',
    'https:/evil.example/cb',
    'https:///evil.example/cb',
    'https:////evil.example/cb',
    'http:/localhost/cb',
    'http:localhost/cb',
    'https://evil.example/\u202ecb',
    'https://evil.example/a/../cb',
    'https://evil.example/./cb',
    'https://evil.example/%2e%2e/cb',
    'https://evil.example/%2E/cb',
    'https://аррӏе.com/cb',
    'https://％65vil.example/cb',
    'https://%65vil.example/cb',
    'https://claude.ai\u3002evil.example/cb',
    'https://claude\u00ad.ai/cb',
    'https://claude.ai\t.evil.example/cb',
    'https://app.example:8443\\@evil.example/cb',
    'https://claude.ai@evil.example/cb',
    'https://claude.ai:443@evil.example/cb',
    'https://app.example:08443/cb',
    'https://app.example:/cb',
    'https://app.example:80x/cb',
    'https://app.example/cb?x=<script>',
    'https://app.example/cb?x="y"',
    "https://app.example/cb?x='y'",
    'https://app.example/cb#x',
    'https://*.app.example/cb',
    'http://0x7f.1/cb',
    'http://0177.0.0.1/cb',
    'http://127.1/cb',
    'http://2130706433/cb',
    'http://[0:0:0:0:0:0:0:1]/cb',
    'http://[::ffff:127.0.0.1]/cb',
    'https://3232235777/cb',
    'cursor://x/a/../cb',
    'cursor://x/%2e%2e/cb',
    'com.example.app:/a/./cb',
    'com.example.app://x:y@z/cb',
  ])('%s is not in its normal form, and refused', (uri) => {
    expect(redirectUriFault(uri)).toBeDefined()
  })

  it('that is accepted leads where it seems to: 20,000 that were bent', () => {
    const good = fc.constantFrom<string>(
      'https://claude.ai/api/mcp/auth_callback',
      'http://127.0.0.1:33418/callback',
      'http://localhost/cb?x=1',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'com.example.app:/cb',
    )
    const piece = fc.constantFrom(
      ...['/', '//', '\\', '@', ':', ':443', '.', '..', '/../', '%2e', '%2F', '%00', '?', '#', '*', '[', ']'],
      ...[
        'evil.example',
        '@evil.example',
        '.evil.example',
        '\u3002',
        '\u00ad',
        '\u202e',
        '\t',
        '0x',
        'a',
        'é',
      ],
    )
    const bent = fc
      .tuple(good, fc.array(fc.tuple(fc.nat(60), fc.nat(3), piece), { minLength: 1, maxLength: 3 }))
      .map(([uri, changes]) =>
        changes.reduce((text, [at, gone, put]) => text.slice(0, at) + put + text.slice(at + gone), uri),
      )
    fc.assert(
      fc.property(bent, (uri) => {
        if (redirectUriFault(uri) !== undefined) return
        const url = new URL(uri)
        // What somebody reads between the slashes is what a browser takes for the host.
        const [, read = ''] = /^https?:\/\/([^/?]*)/i.exec(uri) ?? []
        if (/^https?:/.test(url.protocol))
          expect([read.toLowerCase(), read.toLowerCase().replace(/:(80|443)$/, '')]).toContain(url.host)
        expect(uri).toMatch(/^[\x21-\x7e]+$/)
        expect(url.username + url.password + url.hash).toBe('')
        // Behind a scheme without a slash nobody reads segments.
        if (url.pathname.startsWith('/')) expect(url.pathname).not.toMatch(/(^|\/)(\.|%2e){1,2}(\/|$)/i)
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('a name', () => {
  const VOUCHING = 'verified official trusted certified approved authentic genuine'.split(' ')
  const SMALL_CAPITALS = new Map(
    [...'abcdefghijklmnoprstuvwyz'].map((letter, at) => [letter, [...'ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ'][at] ?? '']),
  )
  const shifted = (word: string, to: number) =>
    [...word].map((letter) => String.fromCodePoint(letter.charCodeAt(0) - 97 + to)).join('')
  const DISGUISES: Record<string, (word: string) => string> = {
    none: (word) => word,
    capitals: (word) => word.toUpperCase(),
    'behind a sentence': (word) => `Claude wants to use Notes. ${word} host`,
    'beside a mark': (word) => `Claude ✅${word}✅`,
    'in brackets': (word) => `Claude [${word}]`,
    joined: (word) => `is_${word}-app`,
    denied: (word) => `un${word}`,
    'full width': (word) => shifted(word, 0xff41),
    'bold of mathematics': (word) => shifted(word, 0x1d5ee),
    script: (word) => shifted(word, 0x1d4b6 + 26 * 4),
    'small capitals': (word) => [...word].map((letter) => SMALL_CAPITALS.get(letter) ?? letter).join(''),
    accents: (word) => word.replaceAll('i', 'í').replaceAll('e', 'ë'),
    'marks below': (word) => [...word].join('\u0331'),
    digits: (word) => word.replaceAll('i', '1').replaceAll('o', '0').replaceAll('e', '3'),
    spaces: (word) => [...word].join(' '),
    points: (word) => [...word].join('.'),
    'a joiner within': (word) => `${word.slice(0, 3)}\u200d${word.slice(3)}`,
    'a letter of Cyrillic': (word) => word.replaceAll('e', 'е').replaceAll('i', 'і').replaceAll('o', 'о'),
    'a letter of Greek': (word) => word.replaceAll('i', 'ι').replaceAll('o', 'ο').replaceAll('u', 'υ'),
  }

  it.each(Object.entries(DISGUISES))(
    'that vouches for its client is refused, in disguise: %s',
    async (_, as) => {
      const names = VOUCHING.map((word) => as(word))
      expect(names.filter((name) => nameFault(name) === undefined)).toEqual([])
      for (const client_name of names)
        expect((await register({ client_name, redirect_uris: ['https://app.example/cb'] })).status).toBe(400)
    },
  )

  it.each(['Toolgate', 'Toolgate operator', 'TOOLGATE', 'The Toolgate team'])(
    'of this server is refused: %s',
    (name) => {
      expect(nameFault(name)).toMatch(/toolgate/)
    },
  )

  it('of letters that look alike is refused: every letter of Claude, from each script', () => {
    const alike: Record<string, string> = { C: 'СϹⅭᏟ', l: 'ӏІΙ', a: 'аα', u: 'υս', d: 'ԁᏧ', e: 'еҽε' }
    const names = Object.entries(alike).flatMap(([letter, others]) =>
      [...others].map((other) => 'Claude'.replace(letter, other)),
    )
    // Of Ⅽ there is nothing left: it is shown as the C that it looks like.
    expect(names.filter((name) => nameFault(name) === undefined)).toEqual(['Ⅽlaude'])
    expect(displayName('Ⅽlaude')).toBe('Claude')
  })

  it('shows no picture: every symbol and emoji of Unicode', () => {
    const pictures = Array.from({ length: 0x110000 - 0xa0 }, (_, at) => at + 0xa0)
      .filter((point) => point < 0xd800 || point > 0xdfff)
      .map((point) => String.fromCodePoint(point))
      .filter((character) => /[\p{S}\p{Me}\p{Emoji_Presentation}]/u.test(character))
    expect(pictures.length).toBeGreaterThan(7_000)
    const shown = pictures.map((picture) => displayName(`Claude${picture}`) ?? '')
    expect([...new Set(shown)]).toEqual(['Claude'])
    expect(displayName('✅🛡️®')).toBeUndefined()
  })

  it('keeps nothing but words: 10,000 of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (name) => {
        expect(displayName(name) ?? '').not.toMatch(/(?![\x20-\x7e])[\p{S}\p{C}\p{Zl}\p{Zp}\p{Me}]/u)
      }),
      { numRuns: 10_000 },
    )
  })

  it.each([
    ...[
      'Claude',
      'Claude Code (notes)',
      'Claude Code (toolgate)',
      'Claude Code (secure-notes)',
      'Клод',
      'Κλωντ',
    ],
    ...['克劳德 Claude', '克劳德Claude', 'クロード Claude Code', 'Claudeไทย', 'Überschrift 2', 'Łódź'],
    ...[
      'Insecurely',
      'Officially yours',
      'Klaud 2 и Клод',
      'C++ & R#',
      'A/B/C test',
      "Kim's app",
      'अनुवादक',
      'מתרגם',
    ],
  ])('%s is taken, and shown as it is', (name) => {
    expect([nameFault(name), displayName(name)]).toEqual([undefined, name])
  })
})

describe('who gets the code', () => {
  /** What somebody reads, without what only the browser does. */
  const read = (html: string) =>
    html
      .replace(/<(style|script)[\s\S]*?<\/\1>/g, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')

  it('is said alike by every page, list, event and sentence, and is never the host behind an app’s scheme', async () => {
    const redirect_uri = `house-app:${OF_CLAUDE}`
    const { client_id } = await toolgate.register({
      client_name: 'Claude',
      redirect_uris: [redirect_uri, 'https://claude.ai/api/mcp/auth_callback'],
    })
    const { username } = await toolgate.account()
    const visitor = new Visitor(toolgate.issuer)
    const { url } = authorizationRequest(toolgate.issuer, client_id, { redirect_uri, scope: 'notes:read' })
    const sign_in = await visitor.open(url)
    const consent = await visitor.submit(sign_in, { username, password: PASSWORD })
    const [form] = consent.forms
    const body = new URLSearchParams(form?.fields)
    body.append('scope', 'notes:read')
    const sent = await visitor.request(new URL(form?.action ?? '', toolgate.issuer), body)
    const resumed = await sent.text()
    for (const page of [sign_in.html, consent.html, resumed]) {
      expect(read(page)).toContain('an app on your device that answers to')
      expect(read(page)).toContain('house-app:')
      expect(read(page)).not.toContain('claude.ai')
    }
    expect(read(consent.html)).toContain('any app on this device could answer to house-app:')
    expect(read(consent.html)).toContain('Not verified any app could call itself Claude')

    const { knex } = toolgate.db.database
    expect(await knex('grants').where({ client_id }).pluck('receiver')).toEqual(['house-app:'])
    const details = await knex('audit_events').where({ client_id }).orderBy('id').select('type', 'detail')
    const detailOf = (type: string) => details.find((row) => row.type === type)?.detail
    expect(detailOf('consent.given')).toMatchObject({ receiver: 'house-app:' })
    expect(detailOf('client.registered')).toMatchObject({ receivers: ['house-app:', 'claude.ai'] })
  })
})
