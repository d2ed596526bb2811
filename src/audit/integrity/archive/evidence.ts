/** What makes an archive and a closing worth something outside: signatures, and places that keep them. */

/** What is signed about a file or a closing: flat, so that it fits into a checkpoint. */
export type Statement = Record<string, string | number>

export type Evidence = {
  /** Signs a statement with the audit key and gives a compact JWS. */
  sign: (statement: Statement) => Promise<string>
  /** Checks a compact JWS; gives the statement and the thumbprint of its key. Throws when it is not genuine. */
  check_signature: (jws: string) => Promise<{ statement: Statement; signer: string }>
  /** The newest checkpoint as a JWS. */
  newest_checkpoint: () => Promise<string | undefined>
  /** Takes a JWS out of the database's reach. What it throws stops what depends on it. */
  publish: (jws: string) => Promise<void>
}
