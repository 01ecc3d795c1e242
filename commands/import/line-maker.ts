import { formatTime, utc, utcDate, type Zone } from '../../base/time.ts';
import { idProblem, MAX_SENT_ID, type Rejection, timeProblem } from '../../collector/payload/reading.ts';
import { readTime, type TimeUnit } from '../../collector/payload/times.ts';
import type { Mapping } from './mapping.ts';

/** Unbounded ids must not fill the memory. */
const MOST_SENSORS = 200_000;
/** What a time in UTC ends with, as databases and programs write it. */
const UTC_ENDS = new Set(['Z', 'z', '+00', '+00:00', '+0000', '-00', '-00:00', ' UTC', ' +00:00', ' +0000']);
const numeral = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What people and programs write beside that. */
const looseNumeral = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Of so many digits a number is finite, whatever they are. */
const FINITE_DIGITS = 300;

/** How the cells of files are read. */
export interface LineMakerOptions {
  mapping: Mapping | undefined;
  /** Of times that name no offset. */
  zone: Zone;
  unit: TimeUnit;
  /** ms since 1970: what is more than a day later is not believed. */
  now: number;
}

/**
 * Makes plain messages, `{"id":"…","dt":"…Z","value":…}`, of cells. They have the form that recorder and loader read fastest
 * (collector/payload/canonical.ts) wherever it can say the same.
 */
export class LineMaker {
  readonly #options: LineMakerOptions;
  readonly #isUtc: boolean;
  readonly #tomorrow: string;
  /** The beginning of the lines of each sensor, by what its file calls it. */
  readonly #heads = new Map<unknown, string | { problem: Rejection }>();
  #date = '';
  #isDate = false;
  /** Ids that stand in no mapping, the first of them. */
  readonly unknown = new Set<string>();

  constructor(options: LineMakerOptions) {
    this.#options = options;
    this.#isUtc = options.zone === utc;
    this.#tomorrow = utcDate((options.now + 86_400_000) * 1000);
  }

  /** @returns the line, without its end; or the reason why the cells make none. */
  make(sensor: unknown, time: unknown, value: unknown): string | { problem: Rejection } {
    const head = this.#heads.get(sensor) ?? this.#learn(sensor);
    if (typeof head !== 'string') return head;
    const dt = (typeof time === 'string' && this.#usualTime(time)) || this.#time(time);
    if (typeof dt !== 'string') return dt;
    const number =
      typeof value === 'string' && value.length < 20 && numeral.test(value) && !hasExponent(value)
        ? value
        : numberText(value);
    if (typeof number !== 'string') return number;
    return `${head}${dt}","value":${number}}`;
  }

  #learn(sensor: unknown): string | { problem: Rejection } {
    const head = this.#head(sensor);
    if (this.#heads.size >= MOST_SENSORS) this.#heads.clear();
    this.#heads.set(sensor, head);
    return head;
  }

  #head(sensor: unknown): string | { problem: Rejection } {
    if (sensor === undefined || sensor === null || sensor === '') return { problem: 'sensor is missing' };
    if (typeof sensor === 'object') return { problem: 'sensor is not a text' };
    const { id, isKnown } = this.#options.mapping?.idOf(String(sensor).trim()) ?? {
      id: String(sensor).trim(),
      isKnown: true,
    };
    const problem = idProblem(id, MAX_SENT_ID);
    if (problem !== undefined) return { problem };
    if (!isKnown && this.unknown.size < MOST_SENSORS) this.unknown.add(id);
    return `{"id":${JSON.stringify(id)},"dt":"`;
  }

  /**
   * A time such as `2012-12-31 23:07:00+00`, in UTC, made ISO 8601 without computing it: an eighth of the cost. Undefined: look
   * closer.
   */
  #usualTime(text: string): string | undefined {
    const { length } = text;
    const between = text[10];
    if (length < 19 || (between !== 'T' && between !== ' ') || text[13] !== ':' || text[16] !== ':')
      return undefined;
    const date = text.slice(0, 10);
    if (date !== this.#date) {
      this.#date = date;
      this.#isDate = isDate(date) && date >= '2000-01-01' && date < this.#tomorrow;
    }
    if (!this.#isDate) return undefined;
    if (!(below(text, 11, 24) && below(text, 14, 60) && below(text, 17, 60))) return undefined;
    let end = 19;
    if (text[19] === '.') {
      end = 20;
      while (end < length && isDigit(text.charCodeAt(end))) end++;
      if (end === 20 || end > 26) return undefined;
    }
    if (end === length ? !this.#isUtc : !UTC_ENDS.has(text.slice(end))) return undefined;
    return `${date}T${text.slice(11, end)}Z`;
  }

  #time(cell: unknown): string | { problem: Rejection } {
    const { unit, zone, now } = this.#options;
    if (cell === undefined || cell === null || cell === '') return { problem: 'time is missing' };
    const said = typeof cell === 'bigint' ? String(cell) : cell;
    const time = readTime(said, unit, zone, Number.NaN);
    if (typeof time === 'string') return { problem: time };
    const problem = timeProblem(time, now * 1000);
    return problem === undefined ? formatTime(time) : { problem: problem.replace(/^dt/, 'time') };
  }
}

/** The digits of a number as JSON has them, all that there are; or why it is not one. */
function numberText(cell: unknown): string | { problem: Rejection } {
  if (cell === undefined || cell === null) return { problem: 'value is missing' };
  if (typeof cell === 'bigint') return String(cell);
  if (typeof cell === 'number')
    return Number.isFinite(cell) ? String(cell) : { problem: 'value is not a finite number' };
  if (typeof cell !== 'string') return { problem: 'value is not a number' };
  const text = cell.trim();
  if (text === '') return { problem: 'value is missing' };
  if (!looseNumeral.test(text)) return { problem: 'value is not a number' };
  const holds = (text.length < FINITE_DIGITS && !hasExponent(text)) || Number.isFinite(Number(text));
  if (!holds) return { problem: 'value is not a finite number' };
  return numeral.test(text) ? text : String(Number(text));
}

function hasExponent(text: string): boolean {
  return text.includes('e') || text.includes('E');
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Whether two digits stand at `at`, and make less than `limit`. */
function below(text: string, at: number, limit: number): boolean {
  const [tens, ones] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
  return isDigit(tens) && isDigit(ones) && tens * 10 + ones - 528 < limit;
}

/** Whether the calendar has a date such as `2012-02-29`. */
function isDate(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text;
}
