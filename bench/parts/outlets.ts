import type { Bench } from '../bench.ts';
import { type Fed, redis, startWithRedisStream } from '../outlet-subscriber.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { startSluice } from '../sluice-subscriber.ts';
import { ratios, spread } from '../stats.ts';
import { measure, type Round } from '../subscriber.ts';

/** MQTT throughput with and without an outlet that feeds a Redis stream, and how fast the stream is fed. */
export async function measureOutlets(bench: Bench, plan: Plan): Promise<PartResult> {
  if (redis === undefined) throw new Error('Redis is not installed (Debian: apt install redis-server)');
  const { amount, rounds } = plan.outlets;
  const alone: Round[] = [];
  const beside: (Round & { fed: number })[] = [];
  const measureAlone = async () => {
    alone.push(await measure(bench, amount, startSluice));
  };
  const measureBeside = async () => {
    let end: Fed | undefined;
    const start = startWithRedisStream(fed => {
      end = fed;
    });
    const round = await measure(bench, amount, start);
    const beganMs = end!.stored - (amount.messages * 1000) / round.rate;
    beside.push({ ...round, fed: (amount.messages * 1000) / (end!.fed - beganMs) });
  };
  for (let round = 0; round < rounds; round++) {
    const sides = [measureAlone, measureBeside];
    for (const side of round % 2 === 0 ? sides : sides.reverse()) await side();
    const [without, with_] = [alone.at(-1)!, beside.at(-1)!];
    bench.print(
      `  round ${round + 1}: ${Math.round(without.rate)} msg/s alone, ${Math.round(with_.rate)} beside an outlet, which sent ${Math.round(with_.fed)} a second`,
    );
  }
  const column = (found: Round[], name: 'rate' | 'cpu') => found.map(round => round[name]);
  const fed = spread(beside.map(round => round.fed));
  const ratio = ratios(column(beside, 'rate'), column(alone, 'rate'));
  return {
    title: 'An outlet to a Redis stream',
    method:
      `${amount.messages.toLocaleString('en')} messages of ${amount.sensors} sensors, QoS 1, as fast as the broker takes them, through Sluice ` +
      'without an outlet and with one that feeds a Redis stream (`redis-stream`, defaults; Redis on the same machine, in memory). msg/s: from the first ' +
      'publish to the last row committed; into the stream: from the first publish to the last entry in the stream. ' +
      `${rounds} round(s), by turns with the one first and the other.`,
    columns: [
      { title: '' },
      { title: 'msg/s' },
      { title: 'CPU µs/msg', digits: 1 },
      { title: 'into the stream, a second' },
    ],
    rows: [
      ['without an outlet', spread(column(alone, 'rate')), spread(column(alone, 'cpu')), ''],
      ['with one', spread(column(beside, 'rate')), spread(column(beside, 'cpu')), fed],
    ],
    figures: { 'readings into a Redis stream a second': fed, 'MQTT beside an outlet to alone': ratio },
    rounds: { alone, beside },
  };
}
