import { stringify } from 'csv-stringify/sync';
import type { ClientBase } from 'pg';
import { formatInterval } from '../../collector/silver/interval.ts';
import { sensorColumns } from '../../collector/silver/registry.ts';

/** A sensor's cells by column; intervals as `parseInterval` spells them, attributes JSON text. */
type Row = Record<string, string | number | null>;

/** The registry as CSV that an import takes back without changing anything. */
export async function exportSensors(client: ClientBase): Promise<string> {
  return stringify(await readSensors(client), {
    header: true,
    columns: Object.keys(sensorColumns),
    // What some readers of CSV take for a line end, or cut off, where it stands without quotes.
    quoted_match: /[\r\n]|^\s|\s$/,
  });
}

/** The registry as JSON: an object a sensor. */
export async function exportSensorsAsJson(client: ClientBase): Promise<string> {
  const sensors = (await readSensors(client)).map(row => {
    const cells = Object.keys(sensorColumns).map(name => [name, row[name] ?? null]);
    return { ...Object.fromEntries(cells), attributes: JSON.parse(String(row.attributes ?? '{}')) };
  });
  return `${JSON.stringify(sensors, null, 2)}\n`;
}

async function readSensors(client: ClientBase): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT sensor_id, quantity, unit, location, name, min_value, max_value, max_step_per_s,
       ${micros('expected_interval')}, ${micros('max_stuck')}, nullif(attributes, '{}')::text AS attributes
     FROM silver.sensor ORDER BY sensor_id`,
  );
  const spelt = (value: string | number | null | undefined) =>
    value == null ? null : formatInterval(Number(value));
  return rows.map(row => ({
    ...row,
    expected_interval: spelt(row.expected_interval),
    max_stuck: spelt(row.max_stuck),
  }));
}

/** Microseconds of an interval; a month counts 30 days, as PostgreSQL compares intervals. */
function micros(column: string): string {
  return `((extract(year FROM ${column}) * 360 + extract(month FROM ${column}) * 30 + extract(day FROM ${column})) * 86400000000
    + extract(hour FROM ${column}) * 3600000000 + extract(minute FROM ${column}) * 60000000
    + extract(microseconds FROM ${column}))::text AS ${column}`;
}
