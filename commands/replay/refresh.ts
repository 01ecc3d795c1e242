import type pg from 'pg';
import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';

/** Recomputes the minutes that wait for it, says how many, and disconnects. */
export async function refresh(client: pg.Client): Promise<void> {
  await prepareRefresh(client);
  const minutes = await refreshStaleMinutes(client);
  await client.end();
  process.stdout.write(
    minutes === undefined
      ? 'A collector is refreshing gold; it has the minutes of this replay as well.\n'
      : `${minutes} minutes refreshed.\n`,
  );
}
