import { InvalidArgumentError } from 'commander';
import { Selection, type WantedColumn } from './rows.ts';

/** The columns of measurements, in this order, each with the names that are looked for. */
const ROLES = {
  sensor: ['sensor_uuid', 'sensor_id', 'uuid', 'sensor', 'sensor_name', 'id', 'device_id', 'device', 'name'],
  time: ['timestamp', 'time', 'dt', 'ts', 'datetime', 'date_time', 'date'],
  value: ['sensor_value', 'value', 'val', 'measurement', 'reading'],
} as const;
type Role = keyof typeof ROLES;
const roles = Object.keys(ROLES) as Role[];

export type ColumnNames = Partial<Record<Role, string>>;

/** Reads `--columns sensor=…,time=…,value=…`. @throws {InvalidArgumentError} */
export function parseColumns(text: string): ColumnNames {
  const names: ColumnNames = {};
  for (const part of text.split(',')) {
    const [, role, name] = /^\s*([^=]+?)\s*=\s*(.+?)\s*$/.exec(part) ?? [];
    if (!roles.includes(role as Role) || name === undefined || names[role as Role] !== undefined)
      throw new InvalidArgumentError('It must be sensor=NAME,time=NAME,value=NAME, or some of these.');
    names[role as Role] = name;
  }
  return names;
}

/** What is wanted of a file of measurements: sensor, time and value. Where all columns are numbers, CSV has no header. */
export function measurementColumns(names: ColumnNames): Selection {
  const wanted = roles.map(role => ({
    role,
    names: names[role] === undefined ? ROLES[role] : [names[role]],
  }));
  const hasHeader = !roles.every(role => /^[1-9]\d{0,3}$/.test(names[role] ?? ''));
  return new Selection(wanted, hasHeader);
}

/** What is wanted of a mapping: the id and the name of sensors. */
export const mappingColumns = new Selection([
  { role: 'id of sensors', names: ['sensor_uuid', 'sensor_id', 'uuid', 'id'] },
  { role: 'name of sensors', names: ['sensor_name', 'name'] },
] satisfies WantedColumn[]);
