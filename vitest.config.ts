import { configDefaults, defineConfig } from 'vitest/config'

// What is waited for comes when it comes: a busy machine must not fail a test.
const patience = { expect: { poll: { timeout: 20_000 } } }
const setupFiles = ['test/support/seed-properties.ts']

const slow = [
  'test/**/*.slow.test.ts',
  'test/**/*.browser.test.ts',
  'test/flows/**/*.test.ts',
  'test/attacks/**/*.test.ts',
]

/** What takes minutes, and what is measured: `npm run test:long` only. */
const long = 'test/**/*.long.test.ts'
const is_long = process.env.TOOLGATE_TEST_LONG === 'yes'

export default defineConfig({
  test: {
    // A machine counts from the report; people read the default one.
    ...(process.env.CI ? { reporters: ['default', ['json', { outputFile: '.vitest-report.json' }]] } : {}),
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      {
        test: {
          ...patience,
          setupFiles,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...slow, long],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...patience,
          setupFiles,
          name: 'full',
          include: is_long ? [long] : slow,
          exclude: is_long ? configDefaults.exclude : [...configDefaults.exclude, long],
          testTimeout: is_long ? 1_800_000 : 300_000,
          hookTimeout: 60_000,
          // Chromium then uses the libraries that its package carries, so that no Debian package is needed.
          env: { AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' },
        },
      },
    ],
  },
})
