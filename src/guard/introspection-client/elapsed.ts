/** By both clocks: the one that nobody sets stands still while the machine sleeps. */
export type Moment = readonly [steady_ms: number, wall_ms: number]

export function moment(): Moment {
  return [performance.now(), Date.now()]
}

/** At least so long ago, in milliseconds: the longer of the two counts, because it lets go earlier. */
export function elapsedMs([steady_ms, wall_ms]: Moment): number {
  return Math.max(performance.now() - steady_ms, Date.now() - wall_ms)
}
