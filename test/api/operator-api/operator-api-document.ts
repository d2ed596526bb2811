import { readFileSync } from 'node:fs'
import { OPERATOR_SCOPES } from '../../../src/accounts/operator-scopes.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { subjectOf } from '../../../src/api/operator-api/openapi.ts'
import { markdownTable } from '../../support/markdown-table.ts'
import { ROOT } from '../../support/readme.ts'

/** The list of actions in docs/operator-api.md, made from the registry: what is around it is written by hand. */
export const OPERATOR_API_DOCUMENT = 'docs/operator-api.md'

const BEGIN = '<!-- actions: made by test/api/operator-api/write-operator-api-document.ts -->'
const END = '<!-- end of actions -->'

const HEAD = ['tool', 'route', 'command', 'scope', 'what it does']

function rowsOf(subject: string): string[][] {
  return ACTIONS.filter((action) => subjectOf(action) === subject).map(
    ({ name, scope, summary, method, path, command }) => [
      `\`${name}\``,
      `\`${method.toUpperCase()} ${path}\``,
      `\`toolgate ${command}\``,
      `\`${scope}\``,
      summary,
    ],
  )
}

function actionList(): string {
  const subjects = [...new Set(ACTIONS.map(subjectOf))]
  const tables = subjects.flatMap((subject) => [
    '',
    `### ${subject}`,
    '',
    ...markdownTable(HEAD, rowsOf(subject)),
  ])
  return ['', `${ACTIONS.length} actions, in ${OPERATOR_SCOPES.length} scopes.`, ...tables, '', ''].join('\n')
}

/** The whole document with the list as it has to be now. */
export function operatorApiDocument(): string {
  const text = readFileSync(`${ROOT}${OPERATOR_API_DOCUMENT}`, 'utf8')
  const [before] = text.split(BEGIN)
  const [, after] = text.split(END)
  if (before === undefined || after === undefined) throw new Error(`${OPERATOR_API_DOCUMENT} has no marks`)
  return `${before}${BEGIN}\n${actionList()}${END}${after}`
}
