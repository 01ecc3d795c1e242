import type { ClientBase } from 'pg';

/** Somebody's part of the report: whole, or of the sensors of a customer or site. */
export interface ReportGroup {
  /** Empty: of all sensors. */
  name: string;
  /** undefined: of all. */
  sensors?: ReadonlySet<string>;
  to: readonly string[];
}

/** Whoever wants a mail has one of these. */
const ADDRESS = /^[^\s@,;<>"\\]+@[^\s@,;<>"\\]+$/;

/**
 * Parts of the report by what the registry says of sensors: who has their mail address in `attributes.report_email` (several with
 * commas between them) gets the part of the sensors that it stands at, and no other.
 * @param by `location`, or the name of an attribute.
 */
export async function readGroups(client: ClientBase, by: string): Promise<ReportGroup[]> {
  const value = by === 'location' ? 'location' : 'attributes ->> $1';
  const { rows } = await client.query<{ name: string; sensors: string[]; addresses: (string | null)[] }>(
    `SELECT name, array_agg(sensor_id) AS sensors, array_agg(DISTINCT email) AS addresses FROM (
       SELECT ${value} AS name, sensor_id, attributes ->> 'report_email' AS email FROM silver.sensor
     ) s WHERE name <> '' GROUP BY name ORDER BY name`,
    by === 'location' ? [] : [by],
  );
  return rows
    .map(({ name, sensors, addresses }) => ({
      name,
      sensors: new Set(sensors),
      to: [...new Set(addresses.flatMap(addressesIn))],
    }))
    .filter(({ to }) => to.length > 0);
}

function addressesIn(text: string | null): string[] {
  return (text ?? '').split(/[\s,;]+/).filter(part => ADDRESS.test(part));
}
