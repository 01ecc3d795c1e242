import type { Bench } from '../bench.ts';
import type { Point } from '../chart.ts';
import type { Plan } from '../plan.ts';
import { startReference } from '../reference.ts';
import type { PartResult } from '../result.ts';
import { startSluice } from '../sluice-subscriber.ts';
import { ratios, type Spread, spread } from '../stats.ts';
import { type Amount, measure, type Round } from '../subscriber.ts';

/** Both sides at one number of sensors, round by round. */
interface Pairs {
  sensors: number;
  sluice: Round[];
  reference: Round[];
}

/** Throughput and CPU against `mosquitto_sub > /dev/null`. The sides take turns at going first. */
export async function measureThroughput(bench: Bench, plan: Plan): Promise<PartResult & { points: Point[] }> {
  const { amounts, rounds } = plan.throughput;
  const pairs: Pairs[] = amounts.map(({ sensors }) => ({ sensors, sluice: [], reference: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, amount] of amounts.entries()) await measurePair(bench, amount, pairs[index]!, round);
  }
  return {
    title: 'Throughput and CPU',
    method: methodOf(amounts, rounds),
    columns: [
      { title: 'sensors' },
      { title: '' },
      { title: 'msg/s' },
      { title: 'CPU µs/msg', digits: 1 },
      { title: "broker's CPU µs/msg", digits: 1 },
      { title: 'peak RSS MB' },
    ],
    rows: pairs.flatMap(rowsOf),
    figures: Object.assign({}, ...pairs.map(figuresOf)),
    rounds: pairs,
    points: pairs.map(({ sensors, sluice, reference }) => ({
      sensors,
      sluice: pointOf(sluice),
      reference: pointOf(reference),
    })),
  };
}

async function measurePair(bench: Bench, amount: Amount, pair: Pairs, round: number): Promise<void> {
  const sides = [
    { name: 'mosquitto_sub', start: startReference, rounds: pair.reference },
    { name: 'Sluice', start: startSluice, rounds: pair.sluice },
  ];
  for (const { name, start, rounds } of round % 2 === 0 ? sides : sides.reverse()) {
    const result = await measure(bench, amount, start);
    rounds.push(result);
    const { rate, cpu } = result;
    bench.print(
      `  round ${round + 1}, ${amount.sensors} sensors, ${name}: ${Math.round(rate)} msg/s, ${cpu.toFixed(1)} µs/msg`,
    );
  }
}

const column = (rounds: Round[], name: 'rate' | 'cpu' | 'brokerCpu') => rounds.map(round => round[name]);

function pointOf(rounds: Round[]): { rate: number; cpu: number } {
  return { rate: spread(column(rounds, 'rate')).median, cpu: spread(column(rounds, 'cpu')).median };
}

function rowsOf({ sensors, sluice, reference }: Pairs): (string | Spread)[][] {
  const row = (name: string, rounds: Round[]) => [
    sensors.toLocaleString('en'),
    name,
    spread(column(rounds, 'rate')),
    spread(column(rounds, 'cpu')),
    spread(column(rounds, 'brokerCpu')),
    rounds.every(({ peakMegabytes }) => peakMegabytes !== undefined)
      ? spread(rounds.map(({ peakMegabytes }) => peakMegabytes!))
      : '',
  ];
  return [row('mosquitto_sub', reference), row('Sluice', sluice)];
}

function figuresOf({ sensors, sluice, reference }: Pairs): Record<string, Spread> {
  return {
    [`throughput ratio, ${sensors} sensors`]: ratios(column(sluice, 'rate'), column(reference, 'rate')),
    [`CPU ratio, ${sensors} sensors`]: ratios(column(sluice, 'cpu'), column(reference, 'cpu')),
    [`peak RSS MB, ${sensors} sensors`]: spread(sluice.map(({ peakMegabytes }) => peakMegabytes!)),
  };
}

function methodOf(amounts: Amount[], rounds: number): string {
  const loads = amounts.map(({ messages, warmup }) => `${messages / 1000} k after ${warmup / 1000} k`);
  return (
    'The same load, QoS 1, to `mosquitto_sub -q 1 > /dev/null` and to Sluice (recorded, fsynced, acknowledged, stored in ' +
    'silver). Time runs from the first publish to the last row committed (seen by asking the ledger) or to the end of mosquitto_sub. CPU is ' +
    `that of all threads. Messages after those of the warm-up: ${[...new Set(loads)].join(', ')}. ${rounds} round(s), by ` +
    'turns with the one first and the other.'
  );
}
