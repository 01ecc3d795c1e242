import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeenSensors } from '../../../collector/silver/seen-sensors.ts';
import { StaleMinutes } from '../../../collector/silver/stale-minutes.ts';

const rowsOf = (stale: StaleMinutes) =>
  Buffer.concat([...stale.rows])
    .toString()
    .split('\n')
    .slice(0, -1);

test('each batch has every minute of its readings, and each once where those of a sensor are in order', () => {
  const readings = fc.array(
    fc.record({ id: fc.constantFrom('a', 'b', 'c\\N', 'new'), second: fc.integer({ min: 0, max: 600 }) }),
    { maxLength: 60 },
  );
  const seen = new SeenSensors(['a', 'b', 'c\\N']);
  fc.assert(
    fc.property(readings, fc.boolean(), (list, inOrder) => {
      const ordered = inOrder ? list.toSorted((a, b) => a.second - b.second) : list;
      const stale = new StaleMinutes(seen);
      for (const { id, second } of ordered) stale.add(id, second);
      const wanted = ordered.map(({ id, second }) => {
        const minute = new Date(second * 1000 - ((second * 1000) % 60_000)).toISOString();
        return `${minute}\t${id.replace('\\', '\\\\')}`;
      });
      const rows = rowsOf(stale);
      expect(new Set(rows)).toEqual(new Set(wanted));
      if (inOrder) expect(rows).toHaveLength(new Set(wanted).size);
      expect([...stale.unseen]).toEqual(list.some(({ id }) => id === 'new') ? ['new'] : []);
    }),
  );
});

test('what one batch had the next one has again', () => {
  const seen = new SeenSensors(['a']);
  for (let batch = 0; batch < 3; batch++) {
    const stale = new StaleMinutes(seen);
    for (const second of [1, 2, 61]) stale.add('a', second);
    expect(rowsOf(stale)).toEqual(['1970-01-01T00:00:00.000Z\ta', '1970-01-01T00:01:00.000Z\ta']);
  }
});
