import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { UsageError } from '../../../base/errors.ts';
import { bindQuery, parseQuery } from '../../../commands/query/query-file.ts';
import { QUERIES, readShelf, takeQuery } from '../../../commands/query/shelf.ts';

const text = `-- What is new?
--
-- One row a thing.
-- \`age\` is how old it is.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; $1 is no value
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    1.5::double precision AS factor -- how many
)
SELECT sensor, since, factor FROM params;
`;

test('a file has a question, how to read the answer, and parameters', () => {
  expect(parseQuery('news', text)).toEqual({
    name: 'news',
    question: 'What is new?',
    help: 'One row a thing.\n`age` is how old it is.',
    needs: 'postgresql',
    sql: text,
    parameters: [
      { name: 'sensor', type: 'text', default: "'Sensor 1'", meaning: 'this sensor; $1 is no value' },
      {
        name: 'since',
        type: 'timestamptz',
        default: "(now() - INTERVAL '1 day')",
        meaning: 'from this time on',
      },
      { name: 'factor', type: 'double precision', default: '1.5', meaning: 'how many' },
    ],
  });
});

test.each([
  { what: 'without a question', broken: text.replace('new?', 'new.'), says: /must begin with its question/ },
  { what: 'without help', broken: text.replace(/^-- (One|`age`).*\n/gm, ''), says: /how to read the answer/ },
  { what: 'without an empty line', broken: text.replace('--\n', ''), says: /an empty comment line/ },
  {
    what: 'with a parameter without a meaning',
    broken: text.replace(' -- how many', ''),
    says: /parameter .*factor/,
  },
  { what: 'with a parameter without a type', broken: text.replace('::text', ''), says: /parameter .*sensor/ },
  { what: 'without parameters', broken: text.replace('params', 'parameters'), says: /WITH params/ },
])('a file $what is refused', ({ broken, says }) => {
  expect(() => parseQuery('news', broken)).toThrow(says);
});

test('a value goes beside the text, never into it', () => {
  const evil = "'; DROP TABLE silver.sensor_reading; --";
  const bound = bindQuery(
    parseQuery('news', text),
    new Map([
      ['factor', '$&$1'],
      ['sensor', evil],
    ]),
  );
  expect(bound.values).toEqual([evil, '$&$1']);
  expect(bound.text).toBe(text.replace("'Sensor 1'::text", '$1::text').replace('1.5::double', '$2::double'));
});

test('an empty value is NULL, and nothing given leaves the text as it is', () => {
  expect(bindQuery(parseQuery('news', text), new Map([['since', '']])).values).toEqual([null]);
  expect(bindQuery(parseQuery('news', text), new Map())).toEqual({ text, values: [] });
});

test('a parameter that does not exist is refused with those that do', () => {
  const query = parseQuery('news', text);
  expect(() => bindQuery(query, new Map([['sinse', 'x']]))).toThrow(
    new UsageError('news has no parameter "sinse": it has sensor, since, factor; did you mean "since"?'),
  );
});

test('a query that does not exist is refused with the nearest ones', async () => {
  const shelf = await readShelf();
  expect(() => takeQuery(shelf, 'gap')).toThrow(/no query "gap"; did you mean "gaps"\?.*`sluice query`/);
  expect(() => takeQuery(shelf, 'toString')).toThrow(UsageError);
  expect(takeQuery(shelf, 'gaps.sql')).toBe(shelf.get('gaps'));
});

test('every file of db/queries is on the shelf, with a variant where there is one', async () => {
  const shelf = await readShelf();
  const files = (await readdir(QUERIES, { recursive: true })).filter(file => file.endsWith('.sql'));
  const shelved = [...shelf].flatMap(([name, { variant }]) => [
    `${name}.sql`,
    ...(variant ? [`timescaledb/${name}.sql`] : []),
  ]);
  expect(shelved.sort()).toEqual(files.sort());
  expect(shelf.size).toBeGreaterThanOrEqual(24);
});
