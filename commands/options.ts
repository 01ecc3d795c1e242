import { InvalidArgumentError } from 'commander';
import { UsageError } from '../base/errors.ts';

/*
 * What turns the text of an option into its value.
 */

/** A UTC date such as 2025-11-12. @throws {InvalidArgumentError} where the calendar has no such day. */
export function utcDay(text: string): string {
  const day = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text) {
    throw new InvalidArgumentError('It must be a date such as 2025-11-12.');
  }
  return text;
}

/** A whole number from 1 on. @throws {InvalidArgumentError} for anything else. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return Number(text);
}

/** A whole number from 0 on. @throws {InvalidArgumentError} for anything else. */
export function countOrNone(text: string): number {
  return text === '0' ? 0 : count(text);
}

/**
 * Options that a command cannot do without and that go by more than one name, so that commander cannot demand them.
 * @param given by the name that the error says; undefined: not given.
 * @throws {UsageError} naming all that are missing.
 */
export function demand<Name extends string>(given: Record<Name, string | undefined>): Record<Name, string> {
  const missing = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length > 0) throw new UsageError(`${missing.join(', ')} must be given.`);
  return given as Record<Name, string>;
}

/** Collects an option that may be repeated. */
export function repeated(text: string, before: string[]): string[] {
  return [...before, text];
}
