import { describeGuarantees } from './suite.ts'
import { serveByKoa } from './ways-to-serve.ts'

describeGuarantees('protectKoa', serveByKoa)
