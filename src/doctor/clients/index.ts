import type { ClientProfile } from '../client-profile.ts'
import { APPS } from './apps.ts'
import { SDKS } from './sdks.ts'

/** Every client whose way to its authorization server is known or can be supposed, one profile each. */
export const CLIENT_PROFILES: readonly ClientProfile[] = [...APPS, ...SDKS]
