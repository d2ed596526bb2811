import fc from 'fast-check'
import { PROPERTY_SEED } from './property-seed.ts'

// A run that fails on one machine and on no other teaches people to run it again.
fc.configureGlobal({ seed: PROPERTY_SEED })
