import { describeGuarantees } from './suite.ts'
import { serveByFetch } from './ways-to-serve.ts'

describeGuarantees('protectFetchHandler', serveByFetch)
