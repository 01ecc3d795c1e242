import { distance } from 'fastest-levenshtein';

/** How many names a person still reads. */
const OFFERED = 3;

/**
 * The names that a misspelt one may have meant, nearest first; none where none is near.
 *
 * Case does not count, and a beginning of a name is as near as one letter ("Sensor" for "Sensor 12").
 */
export function nearestNames(wrong: string, names: Iterable<string>): string[] {
  const wanted = wrong.toLowerCase();
  const farthest = Math.max(2, Math.ceil(wanted.length / 3));
  return [...names]
    .map(name => ({ name, steps: stepsBetween(wanted, name.toLowerCase()) }))
    .filter(({ steps }) => steps <= farthest)
    .sort((a, b) => a.steps - b.steps || (a.name < b.name ? -1 : 1))
    .slice(0, OFFERED)
    .map(({ name }) => name);
}

function stepsBetween(wanted: string, name: string): number {
  const steps = distance(wanted, name);
  return wanted !== '' && name.startsWith(wanted) ? Math.min(steps, 1) : steps;
}

/** `; did you mean "A" or "B"?`, to end a sentence with; empty where no name is near. */
export function didYouMean(wrong: string, names: Iterable<string>): string {
  const quoted = nearestNames(wrong, names).map(name => JSON.stringify(name));
  if (quoted.length === 0) return '';
  const last = quoted.pop();
  return `; did you mean ${quoted.length > 0 ? `${quoted.join(', ')} or ` : ''}${last}?`;
}
