import { z } from 'zod'
import { patternFault } from '../permission/resource-pattern.ts'

const TOOL = /^[A-Za-z0-9_.\-/]{1,128}$/
// Control characters, lone surrogates and what reverses the direction of text: all could fake a consent page.
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

/** Text that people read. */
export function label(max: number) {
  return z
    .string()
    .max(max, `is longer than ${max} characters; shorten it`)
    .refine((text) => text.trim() !== '', 'is empty; write what people should read')
    .refine((text) => !UNPRINTABLE.test(text), 'has control characters; remove them')
}

/** One scope, as the file has it. */
export const SCOPE_SHAPE = z.strictObject({
  description: label(300),
  tools: z.array(z.string().regex(TOOL, 'is not an MCP tool name; use 1 to 128 of A-Z a-z 0-9 _ . - /')),
  prompts: z.array(label(128)).optional(),
  resources: z
    .array(
      z.string().superRefine((text, context) => {
        const message = patternFault(text)
        if (message !== undefined) context.addIssue({ code: 'custom', message })
      }),
    )
    .optional(),
  includes: z.array(z.string()).optional(),
  risk: z
    .enum(
      ['read_only', 'destructive'],
      'can only be "read_only" or "destructive"; correct it or leave it out',
    )
    .optional(),
})
