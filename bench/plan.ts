import type { Amount } from './subscriber.ts';

/** How much each part measures. */
export interface Plan {
  /** How long each part takes, roughly, in s: the progress line says what is left. */
  expectedSeconds: Record<
    | 'publisher'
    | 'throughput'
    | 'many-sensors'
    | 'fleet'
    | 'baseline'
    | 'catch-up'
    | 'import'
    | 'latency'
    | 'midnight'
    | 'memory'
    | 'growth'
    | 'http'
    | 'brokers'
    | 'rivals'
    | 'outlets'
    | 'lake',
    number
  >;
  publisher: { messages: number; rounds: number };
  throughput: { amounts: Amount[]; rounds: number };
  manySensors: { few: number; many: number; messages: number; rounds: number };
  fleet: { collectors: number[]; amount: Amount; rounds: number };
  baseline: { sluice: Amount; baseline: Amount; rounds: number };
  /** Lines are dealt to `sensors` raw files. */
  catchUp: { lines: number; sensors: number; rounds: number };
  import: { rows: number; sensors: number; rounds: number };
  /** Of each case the first `warmupSeconds` are not counted. */
  latency: { cases: { rate: number; sensors: number }[]; seconds: number; warmupSeconds: number };
  /** Full rate, and messages a second for the delays. */
  midnight: { amounts: Amount[]; rate: number; seconds: number; warmupSeconds: number; rounds: number };
  brokers: { amount: Amount; rounds: number };
  outlets: { amount: Amount; rounds: number };
  /** Of one day. */
  lake: { readings: number; sensors: number };
  /** Programs that are slow get a part of it. */
  rivals: { amounts: Amount[]; rounds: number };
  memory: { sensors: number; withSeconds: number; withoutSeconds: number; warmupSeconds: number };
  /** `sizes`: rows of silver, ascending. */
  growth: { sizes: number[]; amount: Amount; staleMinutes: number; refreshes: number; rounds: number };
  /** Requests of 1,000 readings each; times that a day is read on each connection; messages beside readers. */
  http: { posts: number; days: number; amount: Amount; rounds: number };
}

/** About 35 minutes, five of them for the memory without a database. */
export const full: Plan = {
  expectedSeconds: {
    publisher: 20,
    throughput: 520,
    'many-sensors': 200,
    fleet: 150,
    baseline: 70,
    'catch-up': 220,
    import: 240,
    latency: 200,
    memory: 390,
    growth: 240,
    http: 240,
    midnight: 240,
    brokers: 150,
    rivals: 400,
    outlets: 120,
    lake: 3600,
  },
  publisher: { messages: 500_000, rounds: 3 },
  throughput: {
    amounts: [
      { sensors: 5, messages: 1_000_000, warmup: 100_000 },
      { sensors: 100, messages: 500_000, warmup: 100_000 },
      { sensors: 1000, messages: 1_000_000, warmup: 100_000 },
      { sensors: 10_000, messages: 500_000, warmup: 100_000 },
    ],
    rounds: 5,
  },
  manySensors: { few: 5, many: 100_000, messages: 1_000_000, rounds: 3 },
  fleet: {
    collectors: [1, 2, 3],
    amount: { sensors: 60, messages: 500_000, warmup: 100_000 },
    rounds: 3,
  },
  baseline: {
    sluice: { sensors: 5, messages: 300_000, warmup: 50_000 },
    baseline: { sensors: 5, messages: 30_000, warmup: 5000 },
    rounds: 3,
  },
  catchUp: { lines: 5_000_000, sensors: 5, rounds: 3 },
  import: { rows: 2_000_000, sensors: 100, rounds: 3 },
  latency: {
    cases: [
      { rate: 5, sensors: 5 },
      { rate: 1000, sensors: 100 },
      { rate: 20_000, sensors: 5 },
      { rate: 20_000, sensors: 1000 },
    ],
    seconds: 40,
    warmupSeconds: 6,
  },
  midnight: {
    amounts: [
      { sensors: 1000, messages: 500_000, warmup: 100_000 },
      { sensors: 10_000, messages: 500_000, warmup: 100_000 },
    ],
    rate: 10_000,
    seconds: 10,
    warmupSeconds: 6,
    rounds: 3,
  },
  brokers: { amount: { sensors: 5, messages: 300_000, warmup: 50_000 }, rounds: 3 },
  outlets: { amount: { sensors: 100, messages: 500_000, warmup: 50_000 }, rounds: 3 },
  lake: { readings: 20_000_000, sensors: 1000 },
  rivals: {
    amounts: [
      { sensors: 5, messages: 300_000, warmup: 50_000 },
      { sensors: 100, messages: 300_000, warmup: 50_000 },
      { sensors: 1000, messages: 300_000, warmup: 50_000 },
      { sensors: 10_000, messages: 300_000, warmup: 50_000 },
    ],
    rounds: 3,
  },
  memory: { sensors: 5, withSeconds: 40, withoutSeconds: 300, warmupSeconds: 20 },
  growth: {
    sizes: [100_000, 1_000_000, 10_000_000],
    amount: { sensors: 100, messages: 200_000, warmup: 50_000 },
    staleMinutes: 1000,
    refreshes: 7,
    rounds: 3,
  },
  http: { posts: 1000, days: 5, amount: { sensors: 5, messages: 1_000_000, warmup: 100_000 }, rounds: 3 },
};

/** Whether it runs and reports, in about five minutes; its figures are rough. */
export const quick: Plan = {
  expectedSeconds: {
    publisher: 3,
    throughput: 40,
    'many-sensors': 40,
    fleet: 30,
    baseline: 12,
    'catch-up': 8,
    import: 30,
    latency: 35,
    memory: 30,
    growth: 25,
    http: 40,
    midnight: 45,
    brokers: 30,
    rivals: 30,
    outlets: 20,
    lake: 200,
  },
  publisher: { messages: 200_000, rounds: 1 },
  throughput: {
    amounts: [
      { sensors: 5, messages: 60_000, warmup: 20_000 },
      { sensors: 100, messages: 60_000, warmup: 20_000 },
      { sensors: 1000, messages: 60_000, warmup: 20_000 },
      { sensors: 10_000, messages: 40_000, warmup: 10_000 },
    ],
    rounds: 1,
  },
  manySensors: { few: 5, many: 100_000, messages: 100_000, rounds: 1 },
  fleet: {
    collectors: [1, 2, 3],
    amount: { sensors: 60, messages: 60_000, warmup: 20_000 },
    rounds: 1,
  },
  baseline: {
    sluice: { sensors: 5, messages: 40_000, warmup: 20_000 },
    baseline: { sensors: 5, messages: 4000, warmup: 1000 },
    rounds: 1,
  },
  catchUp: { lines: 200_000, sensors: 5, rounds: 1 },
  import: { rows: 200_000, sensors: 100, rounds: 1 },
  latency: {
    cases: [
      { rate: 5, sensors: 5 },
      { rate: 1000, sensors: 100 },
      { rate: 20_000, sensors: 5 },
    ],
    seconds: 5,
    warmupSeconds: 2,
  },
  midnight: {
    amounts: [{ sensors: 1000, messages: 60_000, warmup: 20_000 }],
    rate: 5000,
    seconds: 6,
    warmupSeconds: 2,
    rounds: 1,
  },
  brokers: { amount: { sensors: 5, messages: 40_000, warmup: 10_000 }, rounds: 1 },
  outlets: { amount: { sensors: 100, messages: 60_000, warmup: 20_000 }, rounds: 1 },
  lake: { readings: 200_000, sensors: 100 },
  rivals: { amounts: [{ sensors: 5, messages: 40_000, warmup: 20_000 }], rounds: 1 },
  memory: { sensors: 5, withSeconds: 5, withoutSeconds: 10, warmupSeconds: 3 },
  growth: {
    sizes: [20_000, 200_000],
    amount: { sensors: 100, messages: 20_000, warmup: 10_000 },
    staleMinutes: 200,
    refreshes: 3,
    rounds: 1,
  },
  http: { posts: 50, days: 1, amount: { sensors: 5, messages: 60_000, warmup: 20_000 }, rounds: 1 },
};
