import { describeGuarantees } from './suite.ts'
import { serveByHono } from './ways-to-serve.ts'

describeGuarantees('protectHono', serveByHono)
