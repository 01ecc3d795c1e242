import { LRUCache } from 'lru-cache';
import type { Micros } from '../../base/time.ts';
import type { EntryContext, SensorOptions } from './format.ts';
import { idProblem, MAX_MADE_ID, type Reading, timeProblem } from './reading.ts';
import { type Filling, Template } from './template.ts';

/** Who a reading is of. */
type Sensor = Pick<Reading, 'sensorId' | 'problem' | 'unit' | 'quantity' | 'location' | 'name'>;

/** What the message itself says of the sensor; the topics file knows better. */
export type Said = Pick<Reading, 'unit' | 'quantity' | 'location' | 'name'>;

const MOST_TOPICS = 20_000;
const MOST_PATHS = 1000;
const ATTRIBUTES = ['unit', 'quantity', 'location', 'name'] as const;
/** The registry keeps no more of a unit or a name. */
const MOST_CHARACTERS = 200;

/** Makes the readings of an entry: fills its templates, and remembers what they gave for a topic and path. */
export class SensorNames {
  readonly #id: Template;
  readonly #attributes: [(typeof ATTRIBUTES)[number], Template][] = [];
  readonly #known = new LRUCache<string, Map<string, Sensor>>({ max: MOST_TOPICS });
  readonly #isOfTopic: boolean;

  private constructor(id: Template, attributes: [(typeof ATTRIBUTES)[number], Template][]) {
    this.#id = id;
    this.#attributes = attributes;
    this.#isOfTopic = [id, ...attributes.map(([, template]) => template)].every(({ isOfTopic }) => isOfTopic);
  }

  /**
   * @param preset the id's template where the entry names none.
   * @param parts what the format calls parts of a message.
   * @returns undefined where something was reported.
   */
  static of(
    options: SensorOptions,
    preset: string,
    context: EntryContext,
    parts: readonly string[] = [],
  ): SensorNames | undefined {
    const parse = (key: keyof SensorOptions, text: string) => {
      const template = Template.parse(text, context.filter, parts);
      if (typeof template === 'string') context.report([key], template);
      return template;
    };
    const id = parse('sensor', options.sensor ?? preset);
    const attributes = ATTRIBUTES.flatMap(key => {
      const text = options[key];
      return text === undefined ? [] : [[key, parse(key, text)] as const];
    });
    const isWrong =
      typeof id !== 'string' && (options.sensor === '' || fixedTextProblem(id.text) !== undefined);
    if (isWrong)
      context.report(
        ['sensor'],
        `must give ids of 1 to ${MAX_MADE_ID} characters, without control characters`,
      );
    if (isWrong || typeof id === 'string' || attributes.some(([, template]) => typeof template === 'string'))
      return undefined;
    return new SensorNames(id, attributes as [(typeof ATTRIBUTES)[number], Template][]);
  }

  /** Whether the ids tell values of one message apart. */
  get hasPath(): boolean {
    return this.#id.hasPath;
  }

  /**
   * A reading.
   * @param time undefined: that of the arrival.
   * @param said what the message says of the sensor.
   */
  reading(
    topic: string,
    filling: Filling,
    time: Micros | undefined,
    arrival: Micros,
    value: unknown,
    said?: Said,
  ): Reading {
    const { sensorId, problem: wrongId, unit, quantity, location, name } = this.#sensor(topic, filling);
    const reading: Reading = { sensorId, time: time ?? arrival, value };
    // Key by key: spreading two objects cost a third of decoding a message.
    if (wrongId !== undefined) reading.problem = wrongId;
    if (unit !== undefined) reading.unit = unit;
    else if (said?.unit !== undefined) reading.unit = said.unit;
    if (quantity !== undefined) reading.quantity = quantity;
    else if (said?.quantity !== undefined) reading.quantity = said.quantity;
    if (location !== undefined) reading.location = location;
    else if (said?.location !== undefined) reading.location = said.location;
    if (name !== undefined) reading.name = name;
    else if (said?.name !== undefined) reading.name = said.name;
    if (time === undefined) reading.isArrival = true;
    else {
      const problem = timeProblem(time, arrival);
      if (problem !== undefined) reading.problem ??= problem;
    }
    return reading;
  }

  #sensor(topic: string, filling: Filling): Sensor {
    if (!this.#isOfTopic) return this.#fill(topic, filling);
    let paths = this.#known.get(topic);
    if (paths === undefined) {
      paths = new Map();
      this.#known.set(topic, paths);
    }
    let sensor = paths.get(filling.path);
    if (sensor === undefined) {
      sensor = this.#fill(topic, filling);
      if (paths.size < MOST_PATHS) paths.set(filling.path, sensor);
    }
    return sensor;
  }

  #fill(topic: string, filling: Filling): Sensor {
    const id = this.#id.fill(topic, filling);
    if (id === undefined) return { sensorId: '', problem: 'the message lacks what its id is made of' };
    const problem = idProblem(id, MAX_MADE_ID);
    if (problem !== undefined) return { sensorId: '', problem };
    const sensor: Sensor = { sensorId: id };
    for (const [key, template] of this.#attributes) {
      const text = template.fill(topic, filling);
      if (text) sensor[key] = text.slice(0, MOST_CHARACTERS);
    }
    return sensor;
  }
}

/** What is wrong with the text around a template's places, whatever stands in them. */
function fixedTextProblem(text: string): string | undefined {
  return text === '' ? undefined : idProblem(text, MAX_MADE_ID);
}

/**
 * What a message comes to: a message of which nothing can be stored is rejected for its first problem. Readings of one
 * sensor that all have the time of the arrival follow one another by a microsecond.
 */
export function outcome(readings: Reading[]): readonly Reading[] | string {
  const problem = readings[0]?.problem;
  if (problem !== undefined && readings.every(reading => reading.problem !== undefined)) return problem;
  if (readings.length > 1 && readings.some(({ isArrival }) => isArrival)) {
    const last = new Map<string, Micros>();
    for (const reading of readings) {
      if (!reading.isArrival) continue;
      const before = last.get(reading.sensorId);
      if (before !== undefined && reading.time <= before) reading.time = before + 1;
      last.set(reading.sensorId, reading.time);
    }
  }
  return readings;
}
