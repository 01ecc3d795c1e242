import { lateMarksPath, partPath, plainPath } from '../../bronze/raw-file-name.ts';

/**
 * Which object holds a copy of a file: `date=2025-11-12/collector=ID/2025-11-12_Sensor_1.jsonl.gz`, as tools that read
 * partitioned folders like it. Lines that came when the collector had already forgotten the file are a further part, which is an object of
 * its own: `…_Sensor_1.2.jsonl.gz`. Files of rejected messages are there as well, as `2025-11-12.jsonl.gz`.
 */
export class ObjectName {
  readonly collector: string;
  /** UTC date. */
  readonly date: string;
  /** The file's own name, in its plain form: the key of a raw file, or `2025-11-12.jsonl`. */
  readonly file: string;
  /** From 1. */
  readonly part: number;

  constructor(collector: string, date: string, file: string, part = 1) {
    this.collector = collector;
    this.date = date;
    this.file = file;
    this.part = part;
  }

  /** The key of an object, as far as it tells; what an object says of itself (`ObjectFacts`) goes before it. */
  static parse(key: string): ObjectName | undefined {
    const [, date, collector, file] = /^date=(\d{4}-\d\d-\d\d)\/collector=([^/]+)\/([^/]+)$/.exec(key) ?? [];
    if (date === undefined || collector === undefined || file === undefined) return undefined;
    try {
      return new ObjectName(decodeURIComponent(collector), date, plainPath(file));
    } catch {
      return undefined;
    }
  }

  get key(): string {
    return `${this.#folder}/${partPath(this.file, this.part)}`;
  }

  /** The object that holds the marks for late lines. */
  get lateMarks(): string {
    return `${this.#folder}/${lateMarksPath(partPath(this.file, this.part))}`;
  }

  get #folder(): string {
    return `${folderOf(this.date)}collector=${encodeURIComponent(this.collector)}`;
  }
}

/** Where the objects of a UTC date are. */
export function folderOf(date: string): string {
  return `date=${date}/`;
}
