/**
 * What one reader of a message takes for one thing and the next for another. Whoever decides about messages refuses all of
 * it: the guard, and the example in Python.
 */
export const UNREADABLE_NAMES: readonly (readonly [what: string, name: unknown])[] = [
  ['is missing', undefined],
  ['is a list', ['get_note']],
  ['is empty', ''],
  ['has a control character', 'get_note\0'],
  ['has a lone surrogate', 'get_note\ud800'],
  ['is too long to ask about', 'n'.repeat(1025)],
]

export const DIFFERING_PARAMS: readonly (readonly [what: string, params: object])[] = [
  ['names it again in another case', { name: 'get_note', Name: 'delete_note' }],
  ['names it only in another case', { NAME: 'delete_note' }],
  ['names it in another style', { name: 'get_note', _name: 'delete_note' }],
  [
    'has a member with a backslash, which an engine may have misread',
    { name: 'get_note', '\\u00': 'delete_note' },
  ],
  ['has a member beyond ASCII', { name: 'get_note', 'n\u0430me': 'delete_note' }],
]

export const UNREADABLE_REFERENCES: readonly (readonly [method: string, params: object])[] = [
  ['completion/complete', {}],
  ['completion/complete', { ref: { type: 'ref/tool', name: 'x' } }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'x', uri: 'notes://1' } }],
  ['completion/complete', { ref: { type: 'ref/prompt', Name: 'x', name: 'y' } }],
  ['subscriptions/listen', { notifications: { resourceSubscriptions: 'notes://1' } }],
  ['subscriptions/listen', { notifications: { resourceSubscriptions: [7] } }],
  ['subscriptions/listen', { notifications: { ResourceSubscriptions: ['notes://1'] } }],
]
