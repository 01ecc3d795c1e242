import { distance } from 'fastest-levenshtein';

/** How many names a person still reads. */
const OFFERED = 3;

/**
 * The names that a misspelt one may have meant, nearest first; none where none is near.
 *
 * Case, the signs between words and zeros before a number do not count ("sensor_00007" for "Sensor 7"), and a beginning of a
 * name is as near as one letter ("Sensor" for "Sensor 12").
 */
export function nearestNames(wrong: string, names: Iterable<string>): string[] {
  const wanted = plain(wrong);
  const farthest = Math.max(2, Math.ceil(wanted.length / 3));
  return [...names]
    .map(name => ({ name, steps: stepsBetween(wanted, plain(name)) }))
    .filter(({ steps }) => steps <= farthest)
    .sort((a, b) => a.steps - b.steps || (a.name < b.name ? -1 : 1))
    .slice(0, OFFERED)
    .map(({ name }) => name);
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[\s_./-]/g, '')
    .replaceAll(/(?<!\d)0+(?=\d)/g, '');
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
