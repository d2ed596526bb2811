import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { offering } from './offering.ts'

await offering({ search_notes: { readOnlyHint: true }, burn: undefined }).connect(new StdioServerTransport())
