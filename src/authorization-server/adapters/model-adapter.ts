import type { AdapterPayload } from 'oidc-provider'

/** What oidc-provider asks of a store, narrowed to what it really calls here. */
export type ModelPayload = AdapterPayload

export type ModelAdapter = {
  upsert(id: string, payload: ModelPayload, ttl_seconds?: number): Promise<void>
  find(id: string): Promise<ModelPayload | undefined>
  consume(id: string): Promise<void>
  destroy(id: string): Promise<void>
  revokeByGrantId(grant_id: string): Promise<void>
}

/** For the calls that no flow of ours makes of a model. */
export function unsupported(model: string): () => Promise<never> {
  return async () => {
    throw new Error(`${model} does not support this`)
  }
}
