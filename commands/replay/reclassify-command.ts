import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { zoneOf } from '../../base/time.ts';
import { connect } from '../../db/connect.ts';
import { explainLack } from '../../db/lacking.ts';
import { migrate } from '../../db/migrate.ts';
import { counted } from '../output/counted.ts';
import { ProgressBar } from '../output/progress-bar.ts';
import { findFiles } from './files.ts';
import { type Change, Reclassification } from './reclassify.ts';
import { refresh, refreshText } from './refresh.ts';
import { type SensorDays, sensorDaysOf } from './sensor-days.ts';

/**
 * `sluice replay --reclassify`: classifies stored readings again by the registry in the database, prints what changed by sensor,
 * and refreshes what follows from it.
 * @param places raw files and folders whose sensors and days are classified; none: all of silver.
 */
export async function reclassifyCommand(
  config: Config,
  log: Logger,
  places: string[],
  { dryRun, json }: { dryRun: boolean; json: boolean },
): Promise<boolean> {
  const only = await sensorDays(config, places);
  if (!dryRun) await migrate(config.DATABASE_URL, (message, level) => log[level](message));
  const open = () =>
    connect(config.DATABASE_URL, 'sluice replay', error => log.debug({ err: error }, 'connection lost'));
  const bar = new ProgressBar(1);
  const reclassification = new Reclassification({
    connect: open,
    log,
    only,
    dryRun,
    progress: (part, day) => bar.show(part, day),
  });
  let changes: Change[];
  try {
    changes = await reclassification.run();
    bar.clear();
    if (!json) printChanges(changes, dryRun);
  } catch (error) {
    // Without --dry-run it has migrated itself.
    throw dryRun ? await explainLack(error, config.DATABASE_URL) : error;
  } finally {
    bar.clear();
    reclassification.end();
  }
  const queued = reclassification.minutes;
  if (!dryRun && !json) process.stdout.write(`${counted(queued, 'minute')} queued for the refresh.\n`);
  const refreshed = dryRun ? undefined : await refresh(await open());
  if (json) {
    const done = { dryRun, changes, minutesQueued: queued, minutesRefreshed: refreshed ?? null };
    process.stdout.write(`${JSON.stringify(done, null, 2)}\n`);
  } else if (!dryRun) process.stdout.write(refreshText(refreshed));
  return true;
}

async function sensorDays(config: Config, places: string[]): Promise<SensorDays | undefined> {
  if (places.length === 0) return undefined;
  const files = await findFiles(places, config.DATA_DIR);
  const bar = new ProgressBar(files.reduce((sum, file) => sum + file.bytes, 0));
  try {
    return await sensorDaysOf(files, zoneOf(config.SENSOR_TIMEZONE), (bytes, name) => bar.show(bytes, name));
  } finally {
    bar.clear();
  }
}

function printChanges(changes: Change[], dryRun: boolean): void {
  const print = (sensor: string, from: string, to: string, rows: string | number) =>
    process.stdout.write(
      `${sensor.padEnd(40)}  ${from.padEnd(16)}${to.padEnd(16)}${String(rows).padStart(12)}\n`,
    );
  print('sensor', dryRun ? 'is' : 'was', dryRun ? 'would be' : 'is', 'rows');
  for (const { sensorId, from, to, rows } of changes) print(sensorId, from, to, rows);
  const sensors = new Set(changes.map(({ sensorId }) => sensorId)).size;
  print(
    counted(sensors, 'sensor'),
    '',
    '',
    changes.reduce((sum, { rows }) => sum + rows, 0),
  );
}
