import {
  READING_COLUMNS,
  type ReadingKind,
  type StoredReading,
} from '../../collector/silver/reading-columns.ts';
import type { Answer, Cell, Column } from '../output/answer.ts';
import { csv } from '../output/machine-formats.ts';
import { type TableStyle, table } from '../output/table.ts';

export type ReadingsFormat = 'ndjson' | 'csv' | 'table';

/** A reading with the unit of its sensor. */
type Row = StoredReading & { unit: string | null };

/** A value is not a `float` here: also a table shows all digits of what a sensor has sent. */
const kinds: Record<ReadingKind, Column['kind']> = {
  time: 'text',
  text: 'text',
  number: 'number',
  quality: 'text',
  flag: 'boolean',
};

/** The unit stands beside the value. */
const COLUMNS = READING_COLUMNS.flatMap(({ name, kind }): { name: keyof Row; kind: Column['kind'] }[] => [
  { name, kind: kinds[kind] },
  ...(name === 'value' ? [{ name: 'unit', kind: 'text' } as const] : []),
]);

const tableStyle: TableStyle = {
  edge: '',
  gap: '  ',
  crossing: '  ',
  names: 'as cells',
  counted: ['reading', 'readings'],
};

/**
 * Turns batches of readings into text, batch by batch.
 * @param unit of the sensor, from the registry; null: it is not there.
 */
export function formatReadings(
  batches: AsyncIterable<StoredReading[]>,
  format: ReadingsFormat,
  unit: string | null,
): AsyncGenerator<string> {
  switch (format) {
    case 'ndjson':
      return ndjson(batches, unit);
    case 'csv':
      return csv(answerOf(batches, unit, String));
    case 'table':
      // Flags are rare: a column of "false" would hide the one that is not.
      return table(
        answerOf(batches, unit, flag => (flag ? 'yes' : null)),
        tableStyle,
      );
  }
}

/** A JSON object a line. Numbers are the doubles that they are in the database. */
async function* ndjson(batches: AsyncIterable<StoredReading[]>, unit: string | null): AsyncGenerator<string> {
  for await (const batch of batches) {
    yield batch.map(reading => `${JSON.stringify(rowOf(reading, unit))}\n`).join('');
  }
}

/** The readings as the answer of a query. @param flagged what late, stuck and jump are shown as. */
function answerOf(
  batches: AsyncIterable<StoredReading[]>,
  unit: string | null,
  flagged: (flag: boolean) => Cell,
): Answer {
  const cellOf = (value: Row[keyof Row]): Cell =>
    typeof value === 'boolean' ? flagged(value) : value === null ? null : String(value);
  const rows = async function* () {
    for await (const batch of batches) {
      yield batch.map(reading => {
        const row = rowOf(reading, unit);
        return COLUMNS.map(({ name }) => cellOf(row[name]));
      });
    }
  };
  return { columns: COLUMNS, rows: rows() };
}

function rowOf(reading: StoredReading, unit: string | null): Row {
  const row: Row = { ...reading, unit };
  const ordered: Partial<Record<keyof Row, Row[keyof Row]>> = {};
  for (const { name } of COLUMNS) ordered[name] = row[name];
  return ordered as Row;
}
