import type { ObjectStore } from '../../base/objects/object-store.ts';
import { formOf, wholeOf } from '../../collector/bronze/raw-file-name.ts';
import { folderOf, ObjectName } from '../../collector/retention/archive/object-name.ts';

/** An object of an archive that holds lines. */
export interface FoundObject {
  key: string;
  size: number;
}

/** Which objects are asked for. */
export interface ArchiveScope {
  /** Below this key. */
  under?: string;
  /** UTC date. */
  date?: string | undefined;
  collector?: string | undefined;
}

/**
 * The objects of an archive, in the order in which they are to be loaded: by date, the parts of a file one after the other.
 */
export async function findObjects(store: ObjectStore, scope: ArchiveScope): Promise<FoundObject[]> {
  const under = scope.under ?? (scope.date === undefined ? '' : folderOf(scope.date));
  const found = new Map<string, FoundObject & { name: ObjectName }>();
  for await (const { key, size } of store.list(under)) {
    const name = formOf(key) === undefined ? undefined : ObjectName.parse(key);
    if (name === undefined) continue;
    if (scope.date !== undefined && name.date !== scope.date) continue;
    if (scope.collector !== undefined && name.collector !== scope.collector) continue;
    found.set(key, { key, size, name });
  }
  const order = ({ name: { collector, date, file } }: { name: ObjectName }) => {
    const whole = wholeOf(file);
    const isPart = whole !== undefined && found.has(new ObjectName(collector, date, whole.file).key);
    return isPart ? placeOf(date, collector, whole.file, whole.part) : placeOf(date, collector, file, 1);
  };
  return [...found.values()]
    .map(object => ({ object, place: order(object) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ object: { key, size } }) => ({ key, size }));
}

function placeOf(date: string, collector: string, file: string, part: number): string {
  return [date, collector, file, String(part).padStart(6, '0')].join('\0');
}
