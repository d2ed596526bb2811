/** What makes an archive and a closing worth something outside: signatures, and places that keep them. */

/** What is signed about a file or a closing: flat, so that it fits into a checkpoint. */
export type Statement = Record<string, string | number>

export type Evidence = {
  /** Signs a statement with the audit key and gives a compact JWS. */
  sign: (statement: Statement) => Promise<string>
  /** Checks the signature of a compact JWS and gives the statement. Throws when it is not genuine. */
  check_signature: (jws: string) => Promise<Statement>
  /** The newest checkpoint as a JWS. */
  newest_checkpoint: () => Promise<string | undefined>
  /** Takes a JWS out of the database's reach. What it throws stops what depends on it. */
  publish: (jws: string) => Promise<void>
}
