import { expect, test } from 'vitest';
import { withoutMosquitto } from '../harness/mosquitto.ts';
import { temporaryFolder } from '../harness/server.ts';
import { runScenario } from './scenario.ts';

const SEED = 20_251_112;

test.skipIf(withoutMosquitto)(
  'killed again and again, the collector loses nothing and stores nothing twice',
  async context => {
    await using folder = await temporaryFolder();
    const outcome = await runScenario({
      folder: folder.path,
      seed: SEED,
      seconds: 12,
      rate: 2000,
      sensors: 20,
      leastKills: 5,
      print: () => undefined,
      signal: context.signal,
    });
    expect(outcome.violations.slice(0, 10), `seed ${SEED}`).toEqual([]);
    expect(outcome).toMatchObject({ lost: 0, double: 0, acknowledged: outcome.sent });
    expect(outcome.kills).toBeGreaterThanOrEqual(5);
    expect(outcome.sent).toBeGreaterThan(1000);
  },
  300_000,
);
