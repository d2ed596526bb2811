import type { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { openApiDocument } from '../operator/openapi.ts'

/** Adds `openapi`, which needs no database. */
export function registerOpenApiCommand(program: Command): void {
  program
    .command('openapi')
    .description('print the OpenAPI 3.1 document of /operator/api/v1')
    .action(() => console.log(JSON.stringify(openApiDocument(loadConfig().issuer), null, 2)))
}
