/** What people sign in with, in lower case. */
export const USERNAME = /^[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?$/
