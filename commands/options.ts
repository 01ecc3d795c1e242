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

/** A parser of whole numbers. @throws {InvalidArgumentError} for anything else. */
export function wholeNumber(least: number, greatest = 999_999_999): (text: string) => number {
  return text => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= greatest) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${greatest}.`);
  };
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
