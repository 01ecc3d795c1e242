import { Cron } from 'croner';
import { dayBefore } from './text.ts';

/** A day is over, loaded and counted so long after its end. */
export const OVER_MS = 600_000;

/** When reports are mailed: REPORT_AT. */
export interface TimeOfDay {
  hour: number;
  minute: number;
  /** IANA. */
  zone: string;
}

/**
 * The last UTC day whose report is to be mailed by now: the one before the last time of day that has come. On the day on which a
 * clock is put forward, a time that is left out comes after the gap; one that comes twice counts once.
 * @returns undefined while that day is not over for ten minutes.
 */
export function dueDay({ hour, minute, zone }: TimeOfDay, now: Date): string | undefined {
  const times = new Cron(`${minute} ${hour} * * *`, { timezone: zone, paused: true });
  // A second later: what is due at this moment is due.
  const [last] = times.previousRuns(1, new Date(now.getTime() + 1000));
  if (last === undefined) return undefined;
  const day = dayBefore(last);
  const ended = Date.parse(`${day}T00:00:00Z`) + 86_400_000;
  return now.getTime() < ended + OVER_MS ? undefined : day;
}
