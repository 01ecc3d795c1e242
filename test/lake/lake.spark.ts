import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutSpark } from '../harness/lake-engines.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../harness/seaweedfs.ts';
import { changeEverything, withOddities } from './oddities.ts';

/** Each statement of Delta takes some seconds, by executors that share two cores with everything else. */
const TIMEOUT_MS = 1_800_000;

// Not in CI by itself: npm run lake:spark.
describe.skipIf(withoutSpark || withoutSeaweedFs)('a lake in Spark', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test(
    'says what PostgreSQL says to the last bit, with every oddity, and again when everything has changed',
    async () => {
      await withOddities(server, async (house, first, second) => {
        for (const collector of [first, second]) await house.write(collector);
        expect(await house.bySpark()).toMatchObject({ differences: [], missing: [], ok: true, days: 3 });
        await changeEverything(house, first, second);
        for (const collector of [first, second]) await house.write(collector);
        expect(await house.bySpark()).toMatchObject({ differences: [], missing: [], ok: true, days: 4 });
      });
    },
    TIMEOUT_MS,
  );
});
