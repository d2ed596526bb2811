import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRenderer, VIEWS_DIRECTORY } from '../../src/http/render.ts'

const render = createRenderer()

/** Each view with every place filled in; `text` makes the string for a place. */
const VIEWS: Record<string, (text: (place: string) => string) => object> = {
  login: (text) => ({
    csrf: text('csrf'),
    action: text('action'),
    abort_action: text('abort_action'),
    client_name: text('client_name'),
    client_host: text('client_host'),
    receiver: text('receiver'),
    resource_name: text('resource_name'),
    error: text('error'),
    username: text('username'),
  }),
  consent: (text) => ({
    csrf: text('csrf'),
    action: text('action'),
    abort_action: text('abort_action'),
    username: text('username'),
    error: text('error'),
    client: { name: text('client'), host: text('client_host'), named_by: 'host' },
    receiver: { kind: 'web', name: text('receiver') },
    warnings: ['elsewhere'],
    resource: { name: text('resource'), identifier: text('identifier') },
    scopes: [
      {
        name: text('scope'),
        description: text('description'),
        tools: [text('tool'), text('second_tool')],
        includes: [{ name: 'n', description: text('includes') }],
        destructive: true,
        checked: true,
      },
    ],
    unavailable: [{ name: text('unavailable'), description: text('unavailable_description') }],
    catalogue_version: text('catalogue_version'),
    growth: [
      { kind: 'tools', name: text('growth'), what: 'new' },
      { kind: 'prompts', name: text('milder'), what: 'milder' },
    ],
  }),
  continue: (text) => ({
    url: `https://client.example/cb?code=${encodeURIComponent(text('url'))}`,
    client_name: text('client_name'),
    receiver: text('receiver'),
  }),
  error: (text) => ({
    status: 400,
    title: text('title'),
    detail: text('detail'),
    request_id: text('request_id'),
    hint: text('hint'),
    link: { href: text('href'), text: text('link') },
  }),
}
const PLACES = Object.entries(VIEWS).map(([view, data]) => [view, data] as const)

type Markup = { tags: string[]; texts: string[] }

/** Reads markup as a browser's tokenizer would: tag names, attribute names, and the texts and values between. */
function parse(html: string): Markup {
  const markup: Markup = { tags: [], texts: [] }
  const token = /<!--[\s\S]*?-->|<([!/]?[a-z][a-z0-9]*)((?:[^>"']|"[^"]*"|'[^']*')*)>|([^<]+|<)/gi
  for (const [, name, attributes, text] of html.matchAll(token)) {
    if (name === undefined) {
      if (text?.trim()) markup.texts.push(decodeEntities(text))
      continue
    }
    const names: string[] = []
    for (const [, key, , double] of (attributes ?? '').matchAll(
      /([^\s=/"'>]+)(\s*=\s*(?:"([^"]*)"|'[^']*'|[^\s>]+))?/g,
    )) {
      names.push(key!)
      if (double !== undefined) markup.texts.push(decodeEntities(double))
    }
    markup.tags.push([name.toLowerCase(), ...names].join(' '))
  }
  return markup
}

function decodeEntities(text: string): string {
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => entities[name]!)
}

const PAYLOADS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' autofocus onfocus='alert(1)",
  '" style="position:fixed" x="',
  '</title><svg onload=alert(1)>',
  '--><script>alert(1)</script>',
  '<%= 1 %><%~ "<b>" %>',
  '&lt;script&gt;&#39;&quot;',
  '\u202egnp.exe\u0000\ud800',
  'javascript:alert(1)',
  '`$' + '{1}` {{7*7}}',
]

describe('every view', () => {
  it.each(PLACES)(
    '%s keeps its structure whatever its strings say, and shows them as they are',
    (view, data) => {
      const plain = parse(
        render(
          view,
          data((place) => place),
        ),
      )
      const hostile = fc.oneof(
        fc.constantFrom(...PAYLOADS),
        fc.string({ unit: 'binary', minLength: 1 }),
        fc
          .array(fc.constantFrom('<', '>', '"', "'", '&', '=', ' ', '/', 'a', '-', '!', '`'))
          .map((x) => `x${x.join('')}`),
      )
      fc.assert(
        fc.property(fc.infiniteStream(hostile), (stream) => {
          const used: [string, string][] = []
          const page = parse(
            render(
              view,
              data((place) => {
                const value = stream.next().value as string
                used.push([place, value])
                return value.isWellFormed() ? value : value.toWellFormed()
              }),
            ),
          )
          expect(page.tags).toEqual(plain.tags)
          const shown = page.texts.join('\n')
          for (const [place, value] of used) {
            if (place !== 'url' && value.trim()) expect(shown).toContain(value.toWellFormed().trim())
          }
        }),
        { numRuns: 150 },
      )
    },
  )

  it.each(PLACES)(
    '%s is a whole document: language, title, viewport, one heading, no script, no style',
    (view, data) => {
      const html = render(
        view,
        data((place) => place),
      )
      expect(html).toMatch(/^<!doctype html>\n<html lang="en">/)
      expect(html).toMatch(/<title>.+<\/title>/)
      expect(html).toContain('name="viewport"')
      expect(html.match(/<h1/g)).toHaveLength(1)
      expect(html).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=|undefined|\[object/)
    },
  )

  it.each(PLACES)(
    '%s gives every id once, refers only to ids that exist, and labels every input',
    (view, data) => {
      const html = render(
        view,
        data((place) => place),
      )
      const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
      expect(new Set(ids).size).toBe(ids.length)
      for (const [, refs] of html.matchAll(/\s(?:for|form|aria-describedby|aria-labelledby)="([^"]+)"/g)) {
        for (const ref of refs!.split(' ')) expect(ids).toContain(ref)
      }
      for (const [input] of html.matchAll(/<input (?!type="hidden")[^>]+>/g)) {
        expect(html).toContain(`for="${/id="([^"]+)"/.exec(input)?.[1]}"`)
      }
    },
  )

  it('stays short', () => {
    for (const file of readdirSync(VIEWS_DIRECTORY).filter((name) => name.endsWith('.eta'))) {
      expect(readFileSync(join(VIEWS_DIRECTORY, file), 'utf8').split('\n').length, file).toBeLessThanOrEqual(
        81,
      )
    }
  })
})

describe('consent', () => {
  const data = VIEWS.consent!((place) => place)

  it('ticks what is asked for, sends the name of the scope, and marks the destructive one in words', () => {
    const html = render('consent', data)
    expect(html).toMatch(/<input [^>]*name="scope" value="scope"[^>]* checked>/)
    expect(html).toContain('Cannot be undone')
    expect(html).toContain('<code class="chip">second_tool</code>')
  })

  it.each([
    ['loopback', 'a program on your own computer'],
    ['app', 'an app on your own device'],
    ['elsewhere', 'is published by client_host and sends the access to receiver'],
  ])('warns of %s, and only where it is so', (warning, text) => {
    expect(render('consent', { ...data, warnings: [warning] })).toContain(text)
    expect(render('consent', { ...data, warnings: [] })).not.toContain(text)
  })

  it.each([
    ['itself', 'Not verified'],
    ['host', 'published by'],
    ['operator', 'Added by the people who run this server'],
  ])('says who chose the name of the client: %s', (named_by, text) => {
    const html = render('consent', {
      ...data,
      warnings: [],
      client: { name: 'n', host: 'app.example', named_by },
    })
    for (const each of ['Not verified', 'published by', 'Added by the people who run this server'])
      expect(html.includes(each)).toBe(each === text)
    expect(html.replaceAll('Not verified', '')).not.toMatch(/verified/i)
  })

  it('denies through a form of its own, which sends no scope', () => {
    const html = render('consent', data)
    expect(html).toMatch(/<button [^>]*form="abort">Deny/)
    expect(html.slice(html.indexOf('<form id="abort"'))).not.toContain('name="scope"')
  })
})

describe('continue', () => {
  it('goes on by itself and by a link', () => {
    const html = render('continue', { url: 'http://127.0.0.1:5/cb?code=a&iss=b' })
    expect(html).toContain(
      '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:5/cb?code=a&amp;iss=b">',
    )
    expect(html).toContain('href="http://127.0.0.1:5/cb?code=a&amp;iss=b"')
    expect(render('continue', { url: 'cursor://anysphere/cb?code=a' })).toContain(
      'href="cursor://anysphere/cb?code=a"',
    )
  })

  it.each([
    'javascript:alert(1)',
    ' JaVa\nScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:x',
    '/relative',
    '',
  ])('offers no way to %j', (url) => {
    expect(render('continue', { url })).not.toMatch(/http-equiv="refresh"|button-primary/)
  })
})

describe('style.css', () => {
  const css = readFileSync(join(VIEWS_DIRECTORY, 'public/style.css'), 'utf8')
  const [light, dark] = css.split('@media (prefers-color-scheme: dark)')
  const scheme = (text: string) =>
    new Map([...text.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, k, v]) => [k!, v!]))

  function luminance(colour: string): number {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
  }
  function contrast(a: string, b: string): number {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
    return (high! + 0.05) / (low! + 0.05)
  }

  it.each([
    ['light', light!],
    ['dark', dark!.split('*,')[0]!],
  ])('has the contrast of WCAG AA in the %s scheme', (_, text) => {
    const colours = scheme(text)
    const pairs = [
      ...['ground', 'surface', 'sunken', 'accent-tint', 'danger-tint', 'warn-tint'].map((on) => [
        'ink',
        on,
        4.5,
      ]),
      ...['ground', 'surface', 'sunken', 'accent-tint', 'danger-tint'].map((on) => ['ink-soft', on, 4.5]),
      ...['ground', 'surface', 'sunken', 'accent-tint'].map((on) => ['accent-deep', on, 4.5]),
      ['on-accent', 'accent', 4.5],
      ['on-accent', 'accent-deep', 4.5],
      ['danger', 'danger-tint', 4.5],
      ['danger', 'surface', 4.5],
      ['warn', 'warn-tint', 4.5],
      ['line-strong', 'surface', 3],
      ['accent', 'surface', 3],
    ] as [string, string, number][]
    for (const [ink, ground, least] of pairs) {
      expect(contrast(colours.get(ink)!, colours.get(ground)!), `${ink} on ${ground}`).toBeGreaterThanOrEqual(
        least,
      )
    }
  })
})
