import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Answer } from '../../../commands/output/answer.ts';
import { table } from '../../../commands/output/table.ts';

const ANSWERS = join(import.meta.dirname, 'answers');

/** A call of `sluice query`, and what it must print. */
interface Asked {
  set: Map<string, string>;
  answer: string;
}

/** The names of the queries that have a file in answers/. */
export async function answeredQueries(): Promise<string[]> {
  return (await readdir(ANSWERS)).map(file => basename(file, '.txt')).sort();
}

/** The calls of a file in answers/: `$ sluice query NAME --set name=value …`, and the lines after it. */
export async function readAnswers(name: string): Promise<Asked[]> {
  const text = await readFile(join(ANSWERS, `${name}.txt`), 'utf8');
  return text
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [call = '', ...lines] = part.split('\n');
      const [program, ...args] = [...call.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) =>
        word.replaceAll('"', ''),
      );
      const { values, positionals } = parseArgs({
        args,
        allowPositionals: true,
        options: { set: { type: 'string', multiple: true, default: [] } },
      });
      if (program !== 'sluice' || positionals.join(' ') !== `query ${name}`)
        throw new Error(`no call of ${name}: ${call}`);
      const set = new Map(values.set.map(pair => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
      return { set, answer: `${lines.join('\n').trimEnd()}\n` };
    });
}

/** An answer as `sluice query` prints it, except that what is years old, or a matter of years, is so today and tomorrow. */
export async function printed({ columns, rows }: Answer): Promise<string> {
  async function* ageless() {
    for await (const block of rows)
      yield block.map(row =>
        row.map(cell => cell?.replace(/^\d{3,} days .*/, 'long').replace(/^\d{6,}$/, 'many') ?? null),
      );
  }
  let text = '';
  for await (const part of table({ columns, rows: ageless() })) text += part;
  return text;
}
