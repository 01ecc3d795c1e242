import { expect, test } from 'vitest';
import { withoutNats } from '../../harness/nats.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { runFleet } from './fleet.ts';

const SEED = 1;

test.skipIf(withoutNats)(
  'two collectors share a consumer of a cluster; one dies for good, and nothing is lost or double',
  async context => {
    await using folder = await temporaryFolder();
    const { violations, ...outcome } = await runFleet({
      folder: folder.path,
      seed: SEED,
      seconds: 15,
      rate: 200,
      members: 2,
      print: () => undefined,
      signal: context.signal,
    });
    expect(violations, `seed ${SEED}`).toEqual([]);
    expect(outcome).toMatchObject({ lost: 0, doubled: 0 });
    expect(outcome.acknowledged).toBeGreaterThan(500);
    expect(outcome.faults.size).toBeGreaterThan(0);
  },
  300_000,
);
