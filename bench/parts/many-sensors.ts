import type { Bench } from '../bench.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { startSluice, startSluiceWith } from '../sluice-subscriber.ts';
import { ratios, type Spread, spread } from '../stats.ts';
import { measure, type Round, type StartSubscriber } from '../subscriber.ts';

interface Side {
  name: string;
  sensors: number;
  start: StartSubscriber;
  rounds: Round[];
}

const startHourly = startSluiceWith({ RAW_PARTITION: 'hour' });

/** What very many sensors cost where files are by hour, beside few of them in files of their own. */
export async function measureManySensors(bench: Bench, plan: Plan): Promise<PartResult> {
  const { few, many, messages, rounds } = plan.manySensors;
  const sides: Side[] = [
    { name: 'a file a sensor', sensors: few, start: startSluice, rounds: [] },
    { name: 'a file an hour', sensors: few, start: startHourly, rounds: [] },
    { name: 'a file an hour', sensors: many, start: startHourly, rounds: [] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const { sensors, start } = side;
      const warmup = Math.max(many, 100_000);
      const result = await measure(bench, { sensors, messages, warmup, sameHour: true }, start);
      side.rounds.push(result);
      bench.print(
        `  round ${round + 1}, ${sensors} sensors, ${side.name}: ${Math.round(result.rate)} msg/s, ` +
          `${result.cpu.toFixed(1)} µs/msg, ${Math.round(result.peakMegabytes!)} MB`,
      );
    }
  }
  const [reference, , measured] = sides as [Side, Side, Side];
  return {
    title: 'Very many sensors',
    method:
      `${messages.toLocaleString('en')} messages at full rate, of ${few} and of ${many.toLocaleString('en')} sensors, which take ` +
      `turns: with RAW_PARTITION=hour and without. The warm-up has had each sensor in the hour of the load. Time runs to the last row committed. ${rounds} round(s).`,
    columns: [
      { title: 'sensors' },
      { title: '' },
      { title: 'msg/s' },
      { title: `of that with ${few}`, digits: 2 },
      { title: 'CPU µs/msg', digits: 1 },
      { title: "database's CPU µs/msg", digits: 1 },
      { title: 'peak RSS MB' },
    ],
    rows: sides.map(side => rowOf(side, reference)),
    figures: {
      [`throughput ratio, ${many} sensors to ${few}`]: rateTo(measured, reference),
      [`peak RSS MB, ${many} sensors`]: memoryOf(measured),
    },
    rounds: sides.map(({ name, sensors, rounds }) => ({ name, sensors, rounds })),
  };
}

const column = ({ rounds }: Side, name: 'rate' | 'cpu') => rounds.map(round => round[name]);
const rateTo = (side: Side, reference: Side) => ratios(column(side, 'rate'), column(reference, 'rate'));
const memoryOf = ({ rounds }: Side) => spread(rounds.map(({ peakMegabytes }) => peakMegabytes!));

function rowOf(side: Side, reference: Side): (string | Spread)[] {
  return [
    side.sensors.toLocaleString('en'),
    side.name,
    spread(column(side, 'rate')),
    side === reference ? '' : rateTo(side, reference),
    spread(column(side, 'cpu')),
    spread(side.rounds.map(({ databaseCpu }) => databaseCpu!)),
    memoryOf(side),
  ];
}
