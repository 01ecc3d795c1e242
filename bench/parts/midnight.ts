import type { Bench } from '../bench.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { startSluice } from '../sluice-subscriber.ts';
import { percentile, ratios, type Spread, spread } from '../stats.ts';
import { type Amount, measure } from '../subscriber.ts';
import { latenciesAt } from './latency.ts';

/** Both sides at one number of sensors, round by round. */
interface Pairs {
  sensors: number;
  /** Messages a second: of a load within a day, and of one in whose middle the day changes. */
  rates: { within: number[]; across: number[] };
  /** p99 from publish to visible, ms. */
  delays: { within: number[]; across: number[] };
}

/** What the change of the day costs: every sensor then begins a new raw file. */
export async function measureMidnight(bench: Bench, plan: Plan): Promise<PartResult> {
  const { amounts, rate, seconds, warmupSeconds, rounds } = plan.midnight;
  const pairs: Pairs[] = amounts.map(({ sensors }) => ({
    sensors,
    rates: { within: [], across: [] },
    delays: { within: [], across: [] },
  }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, amount] of amounts.entries()) {
      const { rates, delays } = pairs[index]!;
      for (const side of ['within', 'across'] as const) {
        const midnight = side === 'across';
        rates[side].push((await measure(bench, { ...amount, midnight }, startSluice)).rate);
        const { sensors } = amount;
        const latencies = await latenciesAt(bench, { rate, sensors, seconds, warmupSeconds, midnight });
        delays[side].push(percentile(latencies, 0.99));
      }
      bench.print(
        `  round ${round + 1}, ${amount.sensors} sensors: ${textOf(rates)} msg/s, p99 ${textOf(delays)} ms`,
      );
    }
  }
  return {
    title: 'Midnight',
    method:
      `Loads in whose middle the day of the readings changes, so that every sensor begins a new raw file, beside loads within ` +
      `a day, by turns. Throughput: ${sizesOf(amounts)} messages at full rate. p99: from publish to visible at ` +
      `${rate.toLocaleString('en')} msg/s, of the ${seconds} s around it. ${rounds} round(s).`,
    columns: [
      { title: 'sensors' },
      { title: '' },
      { title: 'msg/s' },
      { title: 'of that within a day', digits: 2 },
      { title: 'p99 ms' },
      { title: 'of that within a day', digits: 2 },
    ],
    rows: pairs.flatMap(rowsOf),
    figures: Object.assign({}, ...pairs.map(figuresOf)),
    rounds: pairs,
  };
}

const textOf = ({ within, across }: Pairs['rates']) =>
  `${Math.round(across.at(-1)!)} across midnight, ${Math.round(within.at(-1)!)} within a day`;

const sizesOf = (amounts: readonly Amount[]) =>
  [...new Set(amounts.map(({ messages }) => messages.toLocaleString('en')))].join(', ');

const ratesOf = ({ rates }: Pairs) => ratios(rates.across, rates.within);
const delaysOf = ({ delays }: Pairs) => ratios(delays.across, delays.within);

function rowsOf(pair: Pairs): (string | Spread)[][] {
  const sensors = pair.sensors.toLocaleString('en');
  const { rates, delays } = pair;
  return [
    [sensors, 'within a day', spread(rates.within), '', spread(delays.within), ''],
    [sensors, 'across midnight', spread(rates.across), ratesOf(pair), spread(delays.across), delaysOf(pair)],
  ];
}

function figuresOf(pair: Pairs): Record<string, Spread> {
  return {
    [`throughput across midnight, ${pair.sensors} sensors`]: ratesOf(pair),
    [`p99 across midnight, ${pair.sensors} sensors`]: delaysOf(pair),
  };
}
