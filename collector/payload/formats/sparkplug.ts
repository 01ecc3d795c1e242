import { z } from 'zod';
import type { Micros } from '../../../base/time.ts';
import type { Decoder, Notes } from '../decoder.ts';
import type { Feedback } from '../feedback.ts';
import { type EntryContext, type Format, sensorOptions, valueOptions } from '../format.ts';
import { MAX_PAYLOAD_BYTES, type Reading, type Rejection } from '../reading.ts';
import { outcome, SensorNames } from '../sensor-names.ts';
import { type Births, birthsIn, type Known } from '../sparkplug-births.ts';
import { loadSparkplug, type Metric, numberOf, readSparkplug, rebirthCommand } from '../sparkplug-payload.ts';
import { convert } from '../value.ts';

const options = {
  ...sensorOptions,
  ...valueOptions,
  rebirth: z
    .enum(['request'], { error: 'must be request, or left out' })
    .optional()
    .describe(
      'request: asks a node for its births (NCMD, Node Control/Rebirth) when its data name an unknown alias or messages are missing, at most once a minute. Default: nothing is published.',
    ),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** What a topic says: `spBv1.0/group/DDATA/node/device`. */
interface Source {
  group: string;
  type: string;
  node: string;
  device: string;
}

const BIRTHS = ['NBIRTH', 'DBIRTH'];
const DATA = ['NDATA', 'DDATA'];
/** Messages that are understood and hold no readings: deaths (whoever is silent has died), commands, a host's state. */
const OTHERS = ['NDEATH', 'DDEATH', 'NCMD', 'DCMD', 'STATE'];
/** Metrics of the protocol itself. */
const control = /^(?:bdSeq$|Node Control\/|Device Control\/)/;

/**
 * Sparkplug B. Data messages may name metrics by an alias, and leave out data types: what the births before them said is
 * noted beside each line when it is recorded.
 */
class SparkplugDecoder implements Decoder {
  readonly #names: SensorNames;
  readonly #options: Options;
  readonly #births: Births;
  readonly #feedback: Feedback | undefined;
  /** Its name. */
  readonly #entry: string;

  constructor(names: SensorNames, options: Options, { memory, feedback, filter }: EntryContext) {
    this.#names = names;
    this.#options = options;
    this.#births = birthsIn(memory);
    this.#feedback = feedback;
    this.#entry = filter.text;
  }

  /** Notes: `metrics`, what this message leaves out ([name, data type, unit] for each metric); `lost`, messages missing before it. */
  annotate(topic: string, payload: Buffer): Notes | undefined {
    const source = sourceOf(topic);
    if (
      source === undefined ||
      !(BIRTHS.includes(source.type) || DATA.includes(source.type) || source.type === 'DDEATH')
    ) {
      return undefined;
    }
    const message = payload.length > MAX_PAYLOAD_BYTES ? undefined : readSparkplug(payload);
    if (message === undefined) return undefined;
    const node = `${source.group}/${source.node}`;
    const isNodeBirth = source.type === 'NBIRTH';
    const lost = message.seq === undefined ? 0 : this.#births.lostBefore(node, message.seq, isNodeBirth);
    if (BIRTHS.includes(source.type)) this.#births.learn(node, source.device, isNodeBirth, message);
    const metrics = this.#births.missingFrom(node, source.device, message.metrics);
    const isUnexplained = DATA.includes(source.type) && metrics?.includes(null) === true;
    if (lost > 0) this.#feedback?.noteMissing(this.#entry, lost);
    if (lost > 0 || isUnexplained) this.#requestRebirth(source);
    if (metrics === undefined && lost === 0) return undefined;
    return { ...(metrics !== undefined && { metrics }), ...(lost > 0 && { lost }) };
  }

  decode(topic: string, payload: Buffer, arrival: Micros, notes?: Notes): readonly Reading[] | Rejection {
    const source = sourceOf(topic);
    if (source === undefined) return 'not a topic of Sparkplug B';
    if (OTHERS.includes(source.type)) return [];
    if (payload.length > MAX_PAYLOAD_BYTES) return `larger than ${MAX_PAYLOAD_BYTES} bytes`;
    const message = readSparkplug(payload);
    if (message === undefined) return 'not a payload of Sparkplug B';
    const noted = Array.isArray(notes?.metrics) ? (notes.metrics as (Known | null)[]) : [];
    const parts = partsOf(source);
    return outcome(
      message.metrics.flatMap((metric, at) => {
        const { timestamp = message.timestamp } = metric;
        const time = timestamp === undefined ? undefined : timestamp * 1000;
        return this.#read(topic, parts, metric, noted[at] ?? undefined, time, arrival);
      }),
    );
  }

  #requestRebirth({ group, node }: Source): void {
    if (this.#options.rebirth !== 'request') return;
    this.#feedback?.request(`spBv1.0/${group}/NCMD/${node}`, () => rebirthCommand(Date.now()));
  }

  #read(
    topic: string,
    parts: ReadonlyMap<string, string>,
    metric: Metric,
    known: Known | undefined,
    time: Micros | undefined,
    arrival: Micros,
  ): Reading[] {
    const path = metric.name ?? known?.[0];
    const problem = (reason: Rejection): Reading[] => [
      { sensorId: '', problem: reason, time: time ?? arrival, value: undefined },
    ];
    if (path === undefined) return problem('an alias that no birth before it explains');
    if (control.test(path) || metric.isNull || metric.value === undefined) return [];
    const datatype = metric.datatype ?? known?.[1] ?? undefined;
    if (datatype === undefined)
      return problem('a metric without a data type, that no birth before it explains');
    const value = convert(numberOf(metric.value, datatype) ?? metric.value, this.#options);
    // Texts and booleans are readings where the map says so.
    if (typeof value !== 'number') return [];
    const unit = metric.unit ?? known?.[2];
    return [
      this.#names.reading(
        topic,
        { path, parts },
        time,
        arrival,
        value,
        unit === undefined ? undefined : { unit },
      ),
    ];
  }
}

function sourceOf(topic: string): Source | undefined {
  const [namespace, group, type, node, device = '', ...rest] = topic.split('/');
  if (namespace !== 'spBv1.0' || rest.length > 0) return undefined;
  if (group === 'STATE') return { group: '', type: 'STATE', node: type ?? '', device: '' };
  if (!group || !node || type === undefined || ![...BIRTHS, ...DATA, ...OTHERS].includes(type))
    return undefined;
  return { group, type, node, device };
}

/** `{group}`, `{node}`, `{device}`, and `{source}`: all that there are. */
function partsOf({ group, node, device }: Source): Map<string, string> {
  const source = [group, node, device].filter(part => part !== '').join('/');
  return new Map(Object.entries({ group, node, device, source }));
}

export const sparkplug: Format = {
  name: 'sparkplug',
  options,
  create(given: Options, context: EntryContext) {
    const names = SensorNames.of(given, '{source}/{path}', context, ['group', 'node', 'device', 'source']);
    if (names === undefined) return undefined;
    if (!names.hasPath)
      context.report(['sensor'], 'must contain {path}: metrics would all be readings of one sensor');
    loadSparkplug();
    return { decoder: new SparkplugDecoder(names, given, context), hasOwnTime: true };
  },
};
