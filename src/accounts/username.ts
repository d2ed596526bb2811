/** What people sign in with, in lower case. */
export const USERNAME = /^[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?$/

/** What was typed as a username, as it is looked up. */
export function typedUsername(typed: string): string {
  return typed.toLowerCase().slice(0, 64)
}
