/** Scopes of Toolgate's own resource, each with those before it: what an operator token or an operator's access token may do. */
export const OPERATOR_SCOPES = ['operator:read', 'operator:revoke', 'operator:admin'] as const
export type OperatorScope = (typeof OPERATOR_SCOPES)[number]
