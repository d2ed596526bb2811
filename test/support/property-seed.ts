/** Of every property test of a run. The same on every machine; `npm run test:long` draws others. */
export const PROPERTY_SEED: number = readSeed(process.env.TOOLGATE_TEST_SEED ?? '20260728')

function readSeed(text: string): number {
  const seed = Number(text)
  // fast-check takes 32 bits.
  if (!/^\d+$/.test(text) || seed >= 2 ** 31)
    throw new Error('TOOLGATE_TEST_SEED must be a number below 2^31')
  return seed
}
