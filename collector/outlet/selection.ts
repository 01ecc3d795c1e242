import { LRUCache } from 'lru-cache';
import type { Quality } from '../silver/registry.ts';
import { isOfQuality, type Message } from './message.ts';

/** What an entry says of the messages that it wants. */
export interface Wanted {
  sensors: readonly string[];
  quality: readonly Quality[];
}

/** Which messages an outlet sends. */
export class Selection {
  readonly #includes: readonly RegExp[];
  readonly #excludes: readonly RegExp[];
  readonly #qualities: ReadonlySet<Quality>;
  // Sensors are few and send often. Unbounded ids must not fill the memory.
  readonly #sensors = new LRUCache<string, boolean>({ max: 20_000 });

  constructor({ sensors, quality }: Wanted) {
    const patterns = Map.groupBy(sensors, glob => (glob.startsWith('!') ? 'out' : 'in'));
    this.#excludes = (patterns.get('out') ?? []).map(glob => globPattern(glob.slice(1)));
    this.#includes = (patterns.get('in') ?? ['*']).map(globPattern);
    this.#qualities = new Set(quality);
  }

  has(message: Message): boolean {
    return isOfQuality(message, this.#qualities) && this.hasSensor(message.sensorId);
  }

  hasSensor(id: string): boolean {
    let wanted = this.#sensors.get(id);
    if (wanted === undefined) {
      wanted = this.#includes.some(glob => glob.test(id)) && !this.#excludes.some(glob => glob.test(id));
      this.#sensors.set(id, wanted);
    }
    return wanted;
  }
}

/** A pattern in which `*` stands for any characters, `/` among them, and `?` for one. */
export function globPattern(glob: string): RegExp {
  const source = glob.replaceAll(/\*+|[^*]/gsu, part => {
    if (part.startsWith('*')) return '.*';
    return part === '?' ? '.' : part.replace(/[\\^$.+()[\]{}|]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 'su');
}
