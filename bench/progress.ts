/** A part that is to be measured, and how long it should take; s. */
export interface Step {
  name: string;
  seconds: number;
}

/**
 * How long the steps that are left will take, in s: what they should take, at the pace of those that are done.
 * @param elapsed s since the first one began.
 * @param done how many are.
 */
export function remainingSeconds(steps: readonly Step[], done: number, elapsed: number): number {
  const sum = (some: readonly Step[]) => some.reduce((total, { seconds }) => total + seconds, 0);
  const planned = sum(steps.slice(0, done));
  return sum(steps.slice(done)) * (planned > 0 ? elapsed / planned : 1);
}
