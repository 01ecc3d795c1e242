import type { Bench } from '../bench.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { rivals } from '../rivals.ts';
import { startSluice } from '../sluice-subscriber.ts';
import { ratios, type Spread, spread } from '../stats.ts';
import { type Amount, measure, type Round } from '../subscriber.ts';

/** Other programs that store what a broker sends, as far as they are on this machine, and Sluice, by turns. */
export async function measureRivals(bench: Bench, plan: Plan): Promise<PartResult> {
  const { amounts, rounds } = plan.rivals;
  const here = rivals.filter(({ isHere }) => isHere);
  const missing = rivals.filter(({ isHere }) => !isHere);
  for (const { name, needs } of missing) bench.print(`  left out: ${name} (it needs ${needs})`);
  const rows: (string | Spread)[][] = [];
  const figures: Record<string, Spread> = {};
  const kept: unknown[] = [];
  for (const amount of amounts) {
    const sluice: Round[] = [];
    const others = new Map<string, Round[]>(here.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const { name, share, start } of here) {
        others.get(name)!.push(await measureOne(bench, name, scaled(amount, share), start));
      }
      sluice.push(await measureOne(bench, 'Sluice', amount, startSluice));
    }
    for (const [name, rounds] of [...others, ['Sluice', sluice] as const]) {
      rows.push([amount.sensors.toLocaleString('en'), name, ...cellsOf(rounds)]);
      if (name === 'Sluice') continue;
      const rate = (of: Round[]) => of.map(round => round.rate);
      figures[`times as fast as ${name}, ${amount.sensors} sensors`] = ratios(rate(sluice), rate(rounds));
    }
    kept.push({ amount, sluice, others: Object.fromEntries(others) });
  }
  const left = missing.map(({ name, needs }) => `${name} (needs ${needs})`).join('; ');
  return {
    title: 'Rivals',
    method:
      'The same load, QoS 1, to each program, with a broker and a database of its own, by turns; time runs to the last row ' +
      'committed. Slow ones get a part of the load. Configurations are in bench/rivals/. Telegraf writes a plain table ' +
      `without a key; the others write Sluice's own with its key and index.${left && ` Left out, as this machine has not what they need: ${left}.`}`,
    columns: [
      { title: 'sensors' },
      { title: '' },
      { title: 'msg/s' },
      { title: 'CPU µs/msg', digits: 1 },
      { title: "broker's CPU µs/msg", digits: 1 },
      { title: 'peak RSS MB' },
    ],
    rows,
    figures,
    rounds: kept,
  };
}

async function measureOne(
  bench: Bench,
  name: string,
  amount: Amount,
  start: Parameters<typeof measure>[2],
): Promise<Round> {
  const round = await measure(bench, amount, start);
  bench.print(
    `  ${amount.sensors} sensors, ${name}: ${Math.round(round.rate)} msg/s, ${round.cpu.toFixed(1)} µs/msg`,
  );
  return round;
}

function scaled({ sensors, messages, warmup }: Amount, share: number): Amount {
  return { sensors, messages: Math.round(messages * share), warmup: Math.round(warmup * share) };
}

function cellsOf(rounds: Round[]): Spread[] {
  return [
    spread(rounds.map(({ rate }) => rate)),
    spread(rounds.map(({ cpu }) => cpu)),
    spread(rounds.map(({ brokerCpu }) => brokerCpu)),
    spread(rounds.map(({ peakMegabytes }) => peakMegabytes ?? Number.NaN)),
  ];
}
