import { describeGuarantees } from './suite.ts'
import { serveByNode } from './ways-to-serve.ts'

describeGuarantees('protectNodeHandler', serveByNode)
