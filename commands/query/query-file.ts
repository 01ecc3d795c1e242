import { UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';

/** A line of the CTE `params` of a query: `'Sensor 1'::text AS sensor, -- which sensor`. */
export interface Parameter {
  name: string;
  /** A type of PostgreSQL. */
  type: string;
  /** An SQL expression; what counts when nobody gives a value. */
  default: string;
  meaning: string;
}

/** What a query needs beyond plain PostgreSQL. `community`: TimescaleDB under the Timescale License. */
export type Needs = 'postgresql' | 'timescaledb' | 'community';

/** A file of db/queries. */
export interface QueryFile {
  name: string;
  /** One line. */
  question: string;
  /** How to read the answer; several lines. */
  help: string;
  parameters: Parameter[];
  needs: Needs;
  /** The file as it stands: it runs as it is, with the defaults. */
  sql: string;
}

/** A statement and the values of its $1, $2, … */
export interface BoundQuery {
  text: string;
  values: (string | null)[];
}

const head = /^(?:--.*\n)+/;
const params = /^WITH (?:RECURSIVE )?params AS NOT MATERIALIZED \(\n {2}SELECT\n((?: {4}.*\n)+)\)/m;
const parameter =
  /^ {4}(?<expression>.+)::(?<type>[a-z ]+) AS (?<name>[a-z][a-z0-9_]*),? *-- (?<meaning>.+)$/;
const needed = /^For TimescaleDB( under the Timescale License)?\b/m;

/**
 * Reads the text of a query file: a comment (the question, an empty line, how to read the answer), then the statement.
 * @throws {Error} where it is not made that way.
 */
export function parseQuery(name: string, sql: string): QueryFile {
  const [question = '', empty, ...help] = (head.exec(sql)?.[0] ?? '')
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/^-- ?/, ''));
  if (!question.endsWith('?') || empty !== '' || help.length === 0) {
    throw new Error(
      `${name}.sql must begin with its question, an empty comment line and how to read the answer`,
    );
  }
  const license = needed.exec(help.join('\n'));
  return {
    name,
    question,
    help: help.join('\n'),
    parameters: parseParameters(name, sql),
    needs: license === null ? 'postgresql' : license[1] ? 'community' : 'timescaledb',
    sql,
  };
}

function parseParameters(name: string, sql: string): Parameter[] {
  const block = params.exec(sql)?.[1];
  if (block === undefined) {
    throw new Error(
      `${name}.sql must have its parameters in WITH params AS NOT MATERIALIZED (SELECT …), one a line`,
    );
  }
  return block
    .trimEnd()
    .split('\n')
    .map(line => {
      const found = parameter.exec(line)?.groups;
      if (found)
        return { name: found.name!, type: found.type!, default: found.expression!, meaning: found.meaning! };
      throw new Error(
        `${name}.sql has a parameter that is no "value::type AS name, -- meaning": ${line.trim()}`,
      );
    });
}

/**
 * The statement with values in place of defaults. A value never becomes part of the text: the text gets a $1, and the
 * value travels beside it. An empty one is NULL.
 * @throws {UsageError} for a parameter that the query does not have.
 */
export function bindQuery(query: QueryFile, given: ReadonlyMap<string, string>): BoundQuery {
  const names = query.parameters.map(({ name }) => name);
  for (const name of given.keys()) {
    if (names.includes(name)) continue;
    throw new UsageError(
      `${query.name} has no parameter ${JSON.stringify(name)}: it has ${names.join(', ')}${didYouMean(name, names)}`,
    );
  }
  const values: (string | null)[] = [];
  const text = query.sql.replace(params, block =>
    block.replaceAll(new RegExp(parameter, 'gm'), (line, expression: string, _type, name: string) => {
      const value = given.get(name);
      if (value === undefined) return line;
      values.push(value === '' ? null : value);
      return line.replace(`${expression}::`, () => `$${values.length}::`);
    }),
  );
  return { text, values };
}
