import type pg from 'pg';
import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';
import { counted } from '../output/counted.ts';

/** Recomputes the minutes that wait for it, and disconnects. @returns how many; undefined: a collector is at it. */
export async function refresh(client: pg.Client): Promise<number | undefined> {
  await prepareRefresh(client);
  const minutes = await refreshStaleMinutes(client);
  await client.end();
  return minutes;
}

/** What `refresh` has done, as a line. */
export function refreshText(minutes: number | undefined): string {
  return minutes === undefined
    ? 'A collector is refreshing gold; it has the minutes of this replay as well.\n'
    : `${counted(minutes, 'minute')} refreshed.\n`;
}
