import { explainOperatorRefusal } from '../explanation/refusals.ts'
import { API, ENTITY } from '../export/ocsf-classes.ts'
import { by, clean, person } from '../story/words.ts'
import { event, times, type Why } from './event-definition.ts'

type Token = Why & { operator_token: string }
type NewToken = Token & { name: string; scope: string; days: number }

export const OPERATOR_EVENTS = {
  'operator.refused': event<{ method: string; route: string }>('nothing', API.other, {
    sentence: (told) =>
      `${person(told)} was refused ${clean(told.detail.method)} ${clean(told.detail.route)}, which is for operators`,
    failure: 'failed',
    explain: explainOperatorRefusal,
    personal: ({ count }) => `You were refused a page or call of operators ${times(count)}`,
    is_counted: true,
  }),
  // Operator tokens are for Toolgate's own resource, whose guard keeps nothing.
  'operator_token.created': event<NewToken>('nothing', ENTITY.create, {
    sentence: (told) =>
      `operator token ${clean(told.detail.operator_token)} “${clean(told.detail.name)}” made${by(told)}: ${clean(told.detail.scope)}`,
  }),
  'operator_token.revoked': event<Token>('nothing', ENTITY.delete, {
    sentence: (told) => `operator token ${clean(told.detail.operator_token)} revoked${by(told)}`,
  }),
}
