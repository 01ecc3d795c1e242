import type { ClientBase } from 'pg';
import { type Day, readDay, readMinutes } from './day.ts';
import { reportPage } from './page.ts';
import { type SensorCard, sensorCard } from './sensor-card.ts';

/** As many charts as somebody still scrolls through; each is some 30 kB of the page. */
const DEFAULT_CHARTS = 50;

/**
 * Makes the quality report of a day, on one snapshot of the database; writes nothing there.
 * @param date UTC, such as 2025-11-12. @param charts of at most this many sensors, the worst first.
 * @returns an HTML page.
 */
export function makeReport(client: ClientBase, date: string, charts = DEFAULT_CHARTS): Promise<string> {
  return inSnapshot(client, async () => {
    const day = await readDay(client, date);
    return reportPage(day, await cardsOf(client, day, charts));
  });
}

/** A report: what it says, and the page of it. */
export interface Report {
  day: Day;
  page: string;
}

/**
 * Makes the report of a day, of all sensors or of some, on one snapshot of the database.
 * @param of whose sensors: their ids, and a name for the page; empty where it is about all.
 */
export function reportOf(
  client: ClientBase,
  date: string,
  of: { name: string; sensors?: ReadonlySet<string> },
): Promise<Report> {
  return inSnapshot(client, async () => {
    const day = await readDay(client, date, of.sensors);
    return { day, page: reportPage(day, await cardsOf(client, day, DEFAULT_CHARTS), of.name) };
  });
}

/** What the report of a day says, without its charts. @param date UTC, such as 2025-11-12. */
export function readReport(client: ClientBase, date: string): Promise<Day> {
  return inSnapshot(client, () => readDay(client, date));
}

async function inSnapshot<T>(client: ClientBase, read: () => Promise<T>): Promise<T> {
  // The parameters of dates are read in the time zone of the session.
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL TIME ZONE 'UTC'");
  try {
    return await read();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

async function cardsOf(client: ClientBase, { date, sensors }: Day, charts: number): Promise<SensorCard[]> {
  const cards: SensorCard[] = [];
  for (const sensor of sensors.slice(0, charts)) {
    cards.push(sensorCard(sensor, await readMinutes(client, date, sensor.id), cards.length + 1));
  }
  return cards;
}
