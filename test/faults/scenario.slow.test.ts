import { expect, test } from 'vitest';
import { withoutMosquitto } from '../harness/mosquitto.ts';
import { temporaryFolder } from '../harness/server.ts';
import { runScenario } from './scenario.ts';

const SEED = 20_251_112;
const LIMIT_MS = 300_000;

test.skipIf(withoutMosquitto).each(['sensor', 'hour'] as const)(
  'killed again and again, the collector loses nothing and stores nothing twice (files by %s)',
  async partition => {
    await using folder = await temporaryFolder();
    const outcome = await runScenario({
      folder: folder.path,
      seed: SEED,
      seconds: 12,
      rate: 2000,
      sensors: 20,
      partition,
      leastKills: 5,
      print: () => undefined,
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    expect(outcome.violations.slice(0, 10), `seed ${SEED}`).toEqual([]);
    expect(outcome).toMatchObject({ lost: 0, double: 0, acknowledged: outcome.sent });
    expect(outcome.kills).toBeGreaterThanOrEqual(5);
    expect(outcome.sent).toBeGreaterThan(1000);
  },
  LIMIT_MS,
);
