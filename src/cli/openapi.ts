import type { Command } from 'commander'
import { openApiDocument } from '../api/operator-api/openapi.ts'
import { loadConfig } from '../config/config.ts'

/** Adds `openapi`, which needs no database. */
export function registerOpenApiCommand(program: Command): void {
  program
    .command('openapi')
    .description('print the OpenAPI 3.1 document of /operator/api/v1')
    .action(() => console.log(JSON.stringify(openApiDocument(loadConfig().issuer), null, 2)))
}
