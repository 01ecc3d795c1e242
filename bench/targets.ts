import type { PartResult } from './result.ts';
import type { Spread } from './stats.ts';

/** What the product promises about a figure; on 2 cores, with broker and database on the same machine. */
interface Target {
  promise: string;
  /** The part that measures it, and the figure's name there. */
  part: string;
  figure: string;
  least?: number;
  most?: number;
}

const targets: Target[] = [
  throughput(5, 1.15),
  throughput(1000, 1.2),
  throughput(10_000, 0.8),
  cpu(5, 0.7),
  cpu(1000, 1.2),
  { promise: "catch-up, of COPY's", part: 'catch-up', figure: 'replay of COPY', least: 0.8 },
  latency(5, 5),
  latency(1000, 100),
  latency(20_000, 5),
  latency(20_000, 1000),
  ...midnight(1000),
  ...midnight(10_000),
  memory(5),
  memory(1000),
  memory(10_000),
  {
    promise: 'throughput at 100,000 sensors with hourly files, of that at 5 sensors',
    part: 'many-sensors',
    figure: 'throughput ratio, 100000 sensors to 5',
    least: 0.9,
  },
  {
    promise: 'peak RSS at full rate with 100,000 sensors and hourly files, MB',
    part: 'many-sensors',
    figure: 'peak RSS MB, 100000 sensors',
    most: 400,
  },
  {
    promise: 'growth at full rate without a database, MB',
    part: 'memory',
    figure: 'growth without a database MB',
    most: 20,
  },
  {
    promise: 'refresh time with the most rows in silver, of that with the least',
    part: 'growth',
    figure: 'refresh, most rows to least',
    most: 1.2,
  },
  {
    promise: 'MQTT throughput while readers pull at full speed, of that without them',
    part: 'http',
    figure: 'MQTT beside readers to alone',
    least: 0.9,
  },
  {
    promise: 'readings a second into a Redis stream',
    part: 'outlets',
    figure: 'readings into a Redis stream a second',
    least: 20_000,
  },
  {
    promise: 'MQTT throughput beside an outlet to a Redis stream, of that without it',
    part: 'outlets',
    figure: 'MQTT beside an outlet to alone',
    least: 0.9,
  },
];

function throughput(sensors: number, least: number): Target {
  return {
    promise: `throughput at ${sensors.toLocaleString('en')} sensors, of mosquitto_sub's`,
    part: 'throughput',
    figure: `throughput ratio, ${sensors} sensors`,
    least,
  };
}

function cpu(sensors: number, most: number): Target {
  return {
    promise: `CPU per message at ${sensors.toLocaleString('en')} sensors, of mosquitto_sub's`,
    part: 'throughput',
    figure: `CPU ratio, ${sensors} sensors`,
    most,
  };
}

function latency(rate: number, sensors: number): Target {
  return {
    promise: `p99 from publish to visible at ${rate.toLocaleString('en')} msg/s of ${sensors.toLocaleString('en')} sensors, ms`,
    part: 'latency',
    figure: `p99 ms, ${rate} msg/s, ${sensors} sensors`,
    most: 1500,
  };
}

function midnight(sensors: number): Target[] {
  const of = `with ${sensors.toLocaleString('en')} sensors, of that within a day`;
  return [
    {
      promise: `throughput across midnight ${of}`,
      part: 'midnight',
      figure: `throughput across midnight, ${sensors} sensors`,
      least: 0.8,
    },
    {
      promise: `p99 across midnight ${of}`,
      part: 'midnight',
      figure: `p99 across midnight, ${sensors} sensors`,
      most: 2,
    },
  ];
}

function memory(sensors: number): Target {
  return {
    promise: `peak RSS at full rate with ${sensors.toLocaleString('en')} sensors, MB`,
    part: 'throughput',
    figure: `peak RSS MB, ${sensors} sensors`,
    most: 200,
  };
}

/** A target and what was found; the median decides. */
export interface Verdict extends Target {
  found: Spread;
  met: boolean;
}

/** Judges the targets whose figures were measured. */
export function judge(parts: Record<string, PartResult>): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const target of targets) {
    const found = parts[target.part]?.figures[target.figure];
    if (found === undefined) continue;
    const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = target;
    verdicts.push({ ...target, found, met: found.median >= least && found.median <= most });
  }
  return verdicts;
}
