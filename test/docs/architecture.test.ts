import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');

test('the walk meets each room of the collector once, in the order in which it may be imported', () => {
  const rooms = [...page.matchAll(/^## \d+\. (\w+):/gm)].map(([, room]) => room!);
  const files = globSync('collector/*/**/*.ts', { cwd: ROOT });
  const there = [...new Set(files.map(file => file.split('/')[1]!))];
  expect(rooms.toSorted()).toEqual(there.sort());
});

test('every file that it names is there', () => {
  for (const section of page.split(/^## /m)) {
    const room = /^\d+\. (\w+):/.exec(section)?.[1];
    const names = [...section.matchAll(/`([\w./-]+\.(?:ts|sql|json)|[\w-]+\/(?:[\w-]+\/)*)`/g)].map(
      ([, name]) => name!,
    );
    for (const name of names) {
      const places = [name, ...(room === undefined ? [] : [`collector/${room}/**/${name}`])];
      expect(
        places.flatMap(place => globSync(place, { cwd: ROOT })).length,
        `${section.split('\n', 1)[0]}: ${name}`,
      ).toBeGreaterThan(0);
    }
  }
});
