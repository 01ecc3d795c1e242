import { startBaseline } from '../baseline-subscriber.ts';
import type { Bench } from '../bench.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { startSluice } from '../sluice-subscriber.ts';
import { ratios, spread } from '../stats.ts';
import { measure, type Round } from '../subscriber.ts';

/** What anyone would write first, and Sluice. */
export async function measureBaseline(bench: Bench, plan: Plan): Promise<PartResult> {
  const { sluice: ours, baseline: theirs, rounds } = plan.baseline;
  const sluice: Round[] = [];
  const baseline: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    baseline.push(await measure(bench, theirs, startBaseline));
    sluice.push(await measure(bench, ours, startSluice));
    const rate = ({ rate }: Round) => Math.round(rate);
    bench.print(
      `  round ${round + 1}: baseline ${rate(baseline.at(-1)!)} msg/s, Sluice ${rate(sluice.at(-1)!)} msg/s`,
    );
  }
  const row = (name: string, of: Round[]) => [
    name,
    spread(of.map(({ rate }) => rate)),
    spread(of.map(({ cpu }) => cpu)),
    spread(of.map(({ databaseCpu }) => databaseCpu ?? Number.NaN)),
  ];
  const faster = ratios(
    sluice.map(({ rate }) => rate),
    baseline.map(({ rate }) => rate),
  );
  return {
    title: 'What anyone would write first',
    method:
      `mqtt.js, an INSERT a message, a commit every 10 (bench/baseline.ts), with ${theirs.messages.toLocaleString('en')} messages, and ` +
      `Sluice with ${ours.messages.toLocaleString('en')}, of ${ours.sensors} sensors, by turns; ${rounds} round(s). The baseline ` +
      'neither records nor survives a crash without loss.',
    columns: [
      { title: '' },
      { title: 'msg/s' },
      { title: 'CPU µs/msg', digits: 1 },
      { title: "database's CPU µs/msg", digits: 1 },
    ],
    rows: [row('baseline', baseline), row('Sluice', sluice)],
    figures: { 'times as fast as the baseline': faster },
    rounds: { baseline, sluice },
  };
}
