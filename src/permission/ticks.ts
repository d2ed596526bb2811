/**
 * What a tick means, wherever a person or an operator ticks scopes: what is not ticked is not given, by no way round.
 * Pure, and one rule for consent, connected apps, narrowing and personal access tokens.
 */
import { expandScopes, type Resource } from './scopes.ts'

/**
 * Those of `offered` that are given when `ticked` are ticked: a scope that includes one that was offered and is not ticked
 * goes with it. Of a resource that is not known any more, exactly what is ticked.
 */
export function tickedScopes(
  resource: Resource | undefined,
  offered: readonly string[],
  ticked: Iterable<string>,
): string[] {
  const wanted = new Set(ticked)
  const unticked = offered.filter((name) => !wanted.has(name))
  return offered.filter((name) => {
    if (!wanted.has(name)) return false
    const opened = resource ? expandScopes(resource, [name]) : new Set<string>()
    return unticked.every((each) => !opened.has(each))
  })
}

/** Whether the scope, or one that it includes, was declared destructive: nothing that is ticked beforehand. */
export function isDestructive(resource: Resource, scope: string): boolean {
  const opened = expandScopes(resource, [scope])
  return resource.scopes.some(({ name, risk }) => risk === 'destructive' && opened.has(name))
}
