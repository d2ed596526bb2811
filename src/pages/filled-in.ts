/** What of a form or a query was filled in: a form sends its empty fields too. */
export function filledIn<Value>(values: Record<string, Value>): Record<string, NonNullable<Value>> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  ) as Record<string, NonNullable<Value>>
}
