import { ENTITY } from '../export/ocsf-classes.ts'
import { by, clean } from '../story/words.ts'
import { event, type Why } from './event-definition.ts'

export const CATALOGUE_EVENTS = {
  'catalogue.applied': event<Why & { version: number; changes: number }>('all', ENTITY.update, {
    sentence: (told) =>
      `version ${clean(told.detail.version)} of the catalogue was put in force${by(told)}, with ${clean(told.detail.changes)} changes`,
  }),
}
