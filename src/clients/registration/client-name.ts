/** Pure: names that clients give themselves, which people read and nobody has checked. */
const NAME_MAX_CODE_POINTS = 64

/** Control, format and bidirectional characters, whatever else is drawn as nothing, and what no font can know. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]/gu

/** A name for people: only what can be seen, in the compatible form that look-alikes share, at most 64 code points. */
export function displayName(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  const visible = name
    .toWellFormed()
    .normalize('NFKC')
    .replace(UNSEEN, '')
    // What stood apart may be neighbours now.
    .normalize('NFKC')
    .replace(/\s+/gu, ' ')
    .trim()
  const shown = [...visible].slice(0, NAME_MAX_CODE_POINTS).join('').trim()
  return shown === '' ? undefined : shown
}

/** Marks that turn text around, and characters that take no room; the joiners of scripts and emoji are not meant. */
const DECEPTIVE = /[\p{Bidi_Control}\u00ad\u115f\u1160\u200b\u2060-\u2064\u2800\u3164\ufeff\uffa0]/u

/** What pages say of clients, and what stands for it: said by the client itself it would be taken for ours. */
const VOUCHING_WORD =
  /(?<![\p{L}\p{N}])(?:un)?(?:verified|official|trusted|certified|approved|secure|safe|toolgate)(?![\p{L}\p{N}])/iu
const VOUCHING_MARK =
  /[\u2611\u2705\u2713\u2714\u{1f5f8}\u{1f6e1}\u{1f512}\u{1f50f}-\u{1f510}\u{1f3c5}\u2b50\u{1f197}\u00ae\u2122]/u

/** Scripts with letters that look like each other's. Those of one word are all of one of them. */
const LOOK_ALIKES = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Lisu', 'Deseret'].map(
  (script) => new RegExp(`\\p{Script=${script}}`, 'u'),
)

function mixesScripts(word: string): boolean {
  return LOOK_ALIKES.filter((script) => script.test(word)).length > 1
}

/** Why a client may not call itself so; undefined when it may. What was compatible letters is looked at as what it becomes. */
export function nameFault(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  if (DECEPTIVE.test(name)) return 'client_name has invisible characters or marks that turn text around'
  const shown = `${name} ${displayName(name) ?? ''}`
  if (VOUCHING_WORD.test(shown) || VOUCHING_MARK.test(shown))
    return 'client_name has a word or mark that says it was checked; only this server says that'
  if (shown.split(/[^\p{L}\p{M}\p{N}]+/u).some(mixesScripts))
    return 'client_name mixes letters of scripts that look alike within one word'
  return undefined
}
