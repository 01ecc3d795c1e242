import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { type CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';
import { parseInterval } from './interval.ts';
import { type Sensor, type SensorColumn, sensorColumns } from './registry.ts';

const text = z
  .string()
  .refine(text => !text.includes('\0'), 'must not hold the character NUL')
  .transform(text => text || null);

const number = z
  .string()
  .trim()
  .regex(/^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?$/, 'must be a number or empty')
  .transform(digits => (digits === '' ? null : Number(digits)))
  .refine(value => value === null || Number.isFinite(value), 'must be a number or empty');

const interval = z.string().transform((spelt, context) => {
  if (spelt.trim() === '') return null;
  const parsed = parseInterval(spelt);
  if (parsed !== undefined) return parsed;
  context.addIssue('must be empty or an interval longer than 0, such as 1s, 500ms, 5min, 2h, 1d or PT5M');
  return z.NEVER;
});

// It stays text: numbers keep all their digits.
const attributes = z
  .string()
  .transform(json => (json.trim() === '' ? '{}' : json))
  .refine(isStorableObject, 'must be empty or a JSON object, such as {"floor": 2}');

/** What may stand in a cell, and what it means. */
const cells: { [Name in SensorColumn]-?: z.ZodType<Exclude<Sensor[Name], undefined>, string> } = {
  sensor_id: z
    .string()
    .regex(/^\P{Cc}{1,200}$/u, 'must be 1 to 200 characters, none of them a control character'),
  quantity: text,
  unit: text,
  location: text,
  name: text,
  min_value: number,
  max_value: number,
  expected_interval: interval,
  max_step_per_s: number.refine(step => step === null || step > 0, 'must be greater than 0, or empty'),
  max_stuck: interval,
  attributes,
};

const known = Object.keys(sensorColumns) as SensorColumn[];
const required: SensorColumn[] = ['sensor_id', 'quantity', 'unit', 'min_value', 'max_value'];

/** A registry file cannot be used; `problems` names every mistake with its line. */
export class RegistryError extends UsageError {
  readonly problems: string[];
  constructor(file: string, problems: string[]) {
    super(
      `The sensor registry ${file} cannot be used:\n${problems.map(problem => `  ${problem}`).join('\n')}`,
    );
    this.name = 'RegistryError';
    this.problems = problems;
  }
}

/**
 * Reads a registry file: CSV in UTF-8 with the columns sensor_id, quantity, unit, min_value and max_value, and any of
 * location, name, expected_interval, max_step_per_s, max_stuck and attributes.
 * @param file null: there is no file, and so no sensor.
 * @throws {RegistryError} with all mistakes at once.
 */
export async function readRegistry(file: string | null): Promise<Sensor[]> {
  if (file === null) return [];
  const bytes = await readFile(file).catch(error => {
    throw new RegistryError(file, [(error as Error).message]);
  });
  return parseRegistry(bytes, file);
}

/**
 * The sensors in the text of a registry file.
 * @param file its name, for the error.
 * @throws {RegistryError} with all mistakes at once.
 */
export function parseRegistry(bytes: Buffer, file: string): Sensor[] {
  return new RegistryText(file).parse(bytes);
}

class RegistryText {
  readonly #file: string;
  readonly #ids = new Set<string>();
  readonly #problems: { line: number; text: string }[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  parse(bytes: Buffer): Sensor[] {
    this.#checkEncoding(bytes);
    this.#throwProblems();
    const [header, ...records] = this.#records(bytes);
    const columns = this.#columnsOf(header?.record ?? []);
    if (columns === undefined) this.#throwProblems();
    const sensors = records.map(({ record, info }) => this.#sensorOf(info.lines, columns ?? [], record));
    this.#throwProblems();
    return sensors as Sensor[];
  }

  #checkEncoding(bytes: Buffer): void {
    if (isUtf8(bytes)) return;
    for (let start = 0, line = 1; start < bytes.length; line++) {
      const end = bytes.indexOf(0x0a, start) + 1 || bytes.length;
      if (!isUtf8(bytes.subarray(start, end))) this.#note(line, 'is not UTF-8');
      start = end;
    }
  }

  #records(bytes: Buffer): { record: string[]; info: { lines: number } }[] {
    let readable = true;
    let told = 0;
    return parse(bytes, {
      bom: true,
      info: true,
      skip_empty_lines: true,
      // What is wrong with one line must not hide what is wrong with the others.
      relax_column_count: true,
      skip_records_with_error: true,
      on_skip: error => {
        const { code, lines, message } = error as CsvError & { lines: number };
        // Where a quote is lost nobody knows what is text and what is not: one mistake, whatever it does to the rest.
        if (readable && lines !== told) this.#note(lines, message);
        told = lines;
        readable &&= code !== 'CSV_INVALID_CLOSING_QUOTE';
        return undefined;
      },
    }) as unknown as { record: string[]; info: { lines: number } }[];
  }

  /** Undefined where they are not what they should be. */
  #columnsOf(header: string[]): SensorColumn[] | undefined {
    const before = this.#problems.length;
    const names = header.map(name => name.trim());
    names.forEach((name, index) => {
      if (!(known as string[]).includes(name)) {
        const meant = didYouMean(name, known);
        this.#note(1, `unknown column ${JSON.stringify(name)}${meant}; the columns are ${known.join(', ')}`);
      } else if (names.indexOf(name) !== index) this.#note(1, `column ${name} stands twice`);
    });
    for (const name of required) {
      if (!names.includes(name)) this.#note(1, `column ${name} is missing`);
    }
    return this.#problems.length > before ? undefined : (names as SensorColumn[]);
  }

  /** The sensor of a line, as far as nothing is wrong with it. */
  #sensorOf(line: number, columns: SensorColumn[], record: string[]): Partial<Sensor> {
    if (record.length !== columns.length) {
      this.#note(line, `has ${record.length} fields; the first line has ${columns.length}`);
      return {};
    }
    const cell = (name: SensorColumn, index: number) => {
      const { success, data, error } = cells[name].safeParse(record[index]);
      if (!success) this.#note(line, `${name} ${error.issues[0]!.message}`);
      return [name, data];
    };
    const sensor: Partial<Sensor> = Object.fromEntries(columns.map(cell));
    const { sensor_id, min_value, max_value } = sensor;
    if (sensor_id !== undefined) this.#noteTwice(line, sensor_id);
    if (min_value != null && max_value != null && min_value > max_value) {
      this.#note(line, 'min_value must not be greater than max_value');
    }
    return sensor;
  }

  #noteTwice(line: number, sensorId: string): void {
    if (this.#ids.has(sensorId)) this.#note(line, `sensor_id ${JSON.stringify(sensorId)} stands twice`);
    this.#ids.add(sensorId);
  }

  #note(line: number, text: string): void {
    this.#problems.push({ line, text });
  }

  #throwProblems(): void {
    if (this.#problems.length === 0) return;
    const inOrder = this.#problems.sort((a, b) => a.line - b.line);
    throw new RegistryError(
      this.#file,
      inOrder.map(({ line, text }) => `line ${line}: ${text}`),
    );
  }
}

/** Whether a text is a JSON object that jsonb can hold: it takes no NUL, no half a character, and not every number. */
function isStorableObject(json: string): boolean {
  let storable = true;
  const isStorable = (part: unknown) =>
    typeof part === 'string'
      ? part.isWellFormed() && !part.includes('\0')
      : part !== Infinity && part !== -Infinity;
  try {
    const value: unknown = JSON.parse(json, (key, part: unknown) => {
      storable &&= isStorable(key) && isStorable(part);
      return part;
    });
    return storable && typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
