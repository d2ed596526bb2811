import { z } from 'zod'
import { overview, overviewSchema } from '../usage/overview.ts'
import { defineAction } from './action.ts'

export const showOverview = defineAction({
  name: 'overview',
  scope: 'operator:read',
  summary: 'Says what was called and refused lately, how many grants live, and what expires soon.',
  method: 'get',
  path: '/overview',
  command: 'overview',
  page: '/operator',
  input: z.strictObject({}),
  output: overviewSchema,
  run: ({ db, checkpoint_interval_seconds }) => overview(db, checkpoint_interval_seconds),
})

export const OVERVIEW_ACTIONS = [showOverview]
