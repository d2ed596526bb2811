import { describe, expect, it } from 'vitest'
import {
  isNative,
  receiverName,
  receiverOf,
  receiverText,
} from '../../../src/clients/registration/receiver.ts'

describe('who gets a code', () => {
  it.each([
    ['http://localhost/cb', 'loopback', 'localhost', 'a program on your computer (localhost)'],
    [
      'http://127.0.0.1:33418/cb',
      'loopback',
      '127.0.0.1:33418',
      'a program on your computer (127.0.0.1:33418)',
    ],
    ['http://[::1]:9/cb', 'loopback', '[::1]:9', 'a program on your computer ([::1]:9)'],
    ['http://2130706433/cb', 'loopback', '127.0.0.1', 'a program on your computer (127.0.0.1)'],
    ['https://localhost/cb', 'web', 'localhost', 'a program on your computer (localhost)'],
    ['https://app.example:8443/cb', 'web', 'app.example:8443', 'app.example:8443'],
    ['https://аррӏе.com/cb', 'web', 'xn--80ak6aa92e.com', 'xn--80ak6aa92e.com'],
    ['http://127.0.0.1.evil.example/cb', 'web', '127.0.0.1.evil.example', '127.0.0.1.evil.example'],
    ['cursor://anysphere/cb', 'app', 'cursor:', 'an app on your device that answers to cursor:'],
    [
      'evilapp://claude.ai/api/mcp/auth_callback',
      'app',
      'evilapp:',
      'an app on your device that answers to evilapp:',
    ],
    ['web+x://claude.ai/cb', 'app', 'web+x:', 'an app on your device that answers to web+x:'],
    [
      'com.example.app:/cb',
      'app',
      'com.example.app:',
      'an app on your device that answers to com.example.app:',
    ],
    ['localhost:33418/cb', 'app', 'localhost:', 'an app on your device that answers to localhost:'],
  ])('%s: %s, named %s, read as “%s”', (uri, kind, name, text) => {
    expect(receiverOf(uri)?.kind).toBe(kind)
    expect(receiverName(uri)).toBe(name)
    expect(receiverText(name)).toBe(text)
    expect(isNative(uri)).toBe(kind !== 'web')
  })

  it('is nobody for what is no absolute URL', () => {
    expect([receiverOf('not a url'), receiverName('not a url'), isNative('not a url')]).toEqual([
      undefined,
      'unknown',
      false,
    ])
  })
})
