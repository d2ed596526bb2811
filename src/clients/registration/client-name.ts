/** Pure: names that clients give themselves, which people read and nobody has checked. */
const NAME_MAX_CODE_POINTS = 64

/** Control, format and bidirectional characters, whatever else is drawn as nothing, and what no font can know. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]/gu

/** Check marks, shields, locks, seals: a picture in a name would be taken for ours. Of symbols, names keep those of ASCII. */
const PICTURE = /(?![\x20-\x7e])[\p{S}\p{Me}\p{Emoji_Presentation}]/gu

/** A name for people: words, in the compatible form that look-alikes share, of at most 64 code points. */
export function displayName(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  const words = name
    .toWellFormed()
    // Before the compatible form, which spells some of them: ™ would become TM.
    .replace(PICTURE, '')
    .normalize('NFKC')
    .replace(PICTURE, '')
    .replace(UNSEEN, '')
    // What stood apart may be neighbours now.
    .normalize('NFKC')
    .replace(/\s+/gu, ' ')
    .trim()
  const shown = [...words].slice(0, NAME_MAX_CODE_POINTS).join('').trim()
  return shown === '' ? undefined : shown
}

/** Marks that turn text around, and characters that take no room; the joiners of scripts and emoji are not meant. */
const DECEPTIVE = /[\p{Bidi_Control}\u00ad\u115f\u1160\u200b\u2060-\u2064\u2800\u3164\ufeff\uffa0]/u

/** What pages say of clients: said by the client itself it would be taken for ours. */
const VOUCHING = 'verified official trusted certified approved authentic genuine'.split(' ')
const VOUCHING_WORD = new RegExp(`(?<![a-z])(?:un)?(?:${VOUCHING.join('|')})(?![a-z])`)
/** Some clients put behind their own name, in brackets, what the person calls this server. */
const OURS = /(?<![a-z]|\([^)]*)toolgate(?![a-z])/

/** What is read as another letter, though no normal form says so. */
const READ_AS: ReadonlyMap<string, string> = new Map(
  [
    ['ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ', 'abcdefghijklmnoprstuvwyz'],
    ['01!|ı34@5$7ƒ', 'oiiiieaasstf'],
  ].flatMap(([seen = '', read = '']) => [...seen].map((character, at) => [character, read.charAt(at)])),
)

/** As somebody reads it who looks at letters only: small, without accents, nothing between letters that stand alone. */
function asRead(name: string): string {
  const bare = name.normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '')
  return [...bare]
    .map((character) => READ_AS.get(character) ?? character)
    .join('')
    .replace(/(?<=(?<!\p{L})\p{L})[^\p{L}]+(?=\p{L}(?!\p{L}))/gu, '')
}

/** Each of these stays among its own within a word, but for scripts that put no space between words. */
const APART = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic']
const NO_SPACES = 'Han Hiragana Katakana Hangul Bopomofo Thai Lao Khmer Myanmar Tibetan'.split(' ')
const BESIDE = ['Common', 'Inherited', ...NO_SPACES].map((script) => `\\p{Script=${script}}`).join('')
const MIXED = APART.map((script) => ({
  own: new RegExp(`\\p{Script=${script}}`, 'u'),
  other: new RegExp(`[^\\p{Script_Extensions=${script}}${BESIDE}]`, 'u'),
}))

function mixesScripts(word: string): boolean {
  return MIXED.some(({ own, other }) => own.test(word) && other.test(word))
}

/** Why a client may not call itself so; undefined when it may. */
export function nameFault(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  if (DECEPTIVE.test(name)) return 'client_name has invisible characters or marks that turn text around'
  const shown = displayName(name) ?? ''
  const read = asRead(shown)
  const [claim] = VOUCHING_WORD.exec(read) ?? OURS.exec(read) ?? []
  if (claim !== undefined) return `client_name says “${claim}”, which only this server could say of a client`
  if (shown.split(/[^\p{L}\p{M}\p{N}]+/u).some(mixesScripts))
    return 'client_name mixes letters of several scripts within one word'
  return undefined
}
