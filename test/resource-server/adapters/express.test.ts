import { describeGuarantees } from './suite.ts'
import { serveByExpress } from './ways-to-serve.ts'

describeGuarantees('protectExpress', serveByExpress)
