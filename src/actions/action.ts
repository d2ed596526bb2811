import type { Knex } from 'knex'
import type { z } from 'zod'
import type { OperatorScope } from '../accounts/operator-scopes.ts'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import type { AuditLog } from '../audit/log/audit-log.ts'
import { AppError } from '../base/errors.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { validate } from '../http/validate.ts'

/** Who asks for an action, however they came. */
export type Caller = ActionOrigin & {
  /** With all that they include. */
  scopes: ReadonlySet<string>
}

/** What actions work with. */
export type ActionContext = {
  db: Knex
  audit: AuditLog
  catalogues: CatalogueCache
  issuer: string
  /** The file that the server applies whenever it starts; undefined where none is configured. */
  catalogue_file?: string | undefined
  /** How often the server signs a checkpoint of the audit log. */
  checkpoint_interval_seconds?: number | undefined
}

/**
 * One thing that an operator can do. The API's route, the MCP tool of the same name, the command and the page all
 * come from here or call `perform` with it, so that none of them can do more or other than the rest.
 */
export type Action<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType> = {
  /** The tool's name and the `operationId`. */
  name: string
  scope: OperatorScope
  /** One sentence, for people and for language models. */
  summary: string
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** It makes something: the API answers 201. */
  created?: true
  /** Below /operator/api/v1, with members of the input in braces: `/grants/{id}`. */
  path: string
  /** The words of the command: `grants list`. */
  command: string
  /** Where the pages offer it: the path of a page or form, with `:id` for what is named. */
  page: string
  /** Members of the path, the query and the body together. */
  input: Input
  output: Output
  /** Of the largest body; 16 KB where absent. */
  body_limit_bytes?: number
  /** `caller` has the `reason` of the input, where it has one. */
  run(context: ActionContext, input: z.output<Input>, caller: Caller): Promise<z.input<Output>>
}

/** Keeps the types of one action together. */
export function defineAction<Input extends z.ZodObject, Output extends z.ZodType>(
  action: Action<Input, Output>,
): Action<Input, Output> {
  return action
}

/**
 * Does it, if the caller may. Throws `forbidden` naming the scope that is needed, `invalid_input` with every fault of
 * the input, and what the action throws.
 */
export async function perform<Input extends z.ZodObject, Output extends z.ZodType>(
  action: Action<Input, Output>,
  context: ActionContext,
  caller: Caller,
  input: unknown,
): Promise<z.input<Output>> {
  if (!caller.scopes.has(action.scope))
    throw new AppError('forbidden', `${action.name} needs the scope ${action.scope}`)
  const valid = validate(action.input, input) as z.output<Input> & { reason?: string }
  return action.run(context, valid, { ...caller, reason: valid.reason })
}
