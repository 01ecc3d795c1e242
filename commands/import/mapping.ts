import { createHash } from 'node:crypto';
import { UsageError } from '../../base/errors.ts';
import { idProblem, MAX_SENT_ID } from '../../collector/payload/reading.ts';
import { mappingColumns } from './columns.ts';
import { readRows } from './read-rows.ts';
import { FileFlaw } from './rows.ts';
import type { SourceFile } from './source-file.ts';

const MOST_NAME = 200;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Which sensors there are: their ids, under which readings are stored, and the names that people call them by. */
export class Mapping {
  readonly #nameOf = new Map<string, string>();
  readonly #idOf = new Map<string, string>();
  /** Ids that are UUIDs, which are the same in either case [RFC 9562], by their lower case. */
  readonly #uuidOf = new Map<string, string>();

  /**
   * Reads a mapping: a file with the columns sensor_name and sensor_uuid, in any format that measurements may have.
   * @throws {UsageError} with every mistake at once.
   */
  static async read(file: SourceFile): Promise<Mapping> {
    const mapping = new Mapping();
    const problems: string[] = [];
    try {
      for await (const { cells, lines, problems: unusable } of readRows(file, mappingColumns)) {
        lines.forEach((line, index) => {
          const [id, name] = [textOf(cells[0]![index]), textOf(cells[1]![index])];
          const problem = unusable.get(index) ?? mapping.#add(id, name);
          if (problem !== undefined) problems.push(`line ${line}: ${problem}`);
        });
      }
    } catch (error) {
      if (!(error instanceof FileFlaw)) throw error;
      problems.push(error.message);
    }
    if (problems.length === 0) return mapping;
    const more = problems.length > 20 ? `\n  and ${problems.length - 20} more` : '';
    throw new UsageError(
      `The mapping ${file.name} cannot be used:\n${problems
        .slice(0, 20)
        .map(text => `  ${text}`)
        .join('\n')}${more}`,
    );
  }

  /** The sensors, for the registry. */
  get sensors(): { sensor_id: string; name: string }[] {
    return [...this.#nameOf].map(([sensor_id, name]) => ({ sensor_id, name }));
  }

  /** The id of what a file calls a sensor: an id, or else a name. Others are ids that the mapping does not know. */
  idOf(called: string): { id: string; isKnown: boolean } {
    if (this.#nameOf.has(called)) return { id: called, isKnown: true };
    const id =
      this.#idOf.get(called) ?? (UUID.test(called) ? this.#uuidOf.get(called.toLowerCase()) : undefined);
    return { id: id ?? called, isKnown: id !== undefined };
  }

  /** Tells mappings apart that say different things. */
  get digest(): string {
    const sorted = [...this.#nameOf].sort(([a], [b]) => (a < b ? -1 : 1));
    return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  }

  /** @returns what is wrong with it. */
  #add(id: string, name: string): string | undefined {
    const wrongId = idProblem(id, MAX_SENT_ID);
    if (wrongId !== undefined) return wrongId;
    if (idProblem(name, MOST_NAME) !== undefined)
      return `name is not 1 to ${MOST_NAME} characters without control characters`;
    const [known, owner] = [this.#nameOf.get(id), this.#idOf.get(name)];
    const twin = this.#uuidOf.get(id.toLowerCase());
    if (twin !== undefined && twin !== id) return `${id} and ${twin} are one UUID`;
    if (known !== undefined && known !== name)
      return `${id} is called ${JSON.stringify(known)} and ${JSON.stringify(name)}`;
    if (owner !== undefined && owner !== id) return `${JSON.stringify(name)} names ${owner} and ${id}`;
    this.#nameOf.set(id, name);
    this.#idOf.set(name, id);
    if (UUID.test(id)) this.#uuidOf.set(id.toLowerCase(), id);
    return undefined;
  }
}

function textOf(cell: unknown): string {
  return cell === undefined || cell === null ? '' : String(cell).trim();
}
