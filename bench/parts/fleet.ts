import type { Bench } from '../bench.ts';
import { startFleetOf } from '../fleet-subscriber.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { ratios, type Spread } from '../stats.ts';
import { measure, type Round } from '../subscriber.ts';

interface Fleet {
  collectors: number;
  rounds: Round[];
}

/** What it costs that several collectors share the work, topics split by filter. Broker, collectors and database are on one machine. */
export async function measureFleet(bench: Bench, plan: Plan): Promise<PartResult> {
  const { collectors, amount, rounds } = plan.fleet;
  const fleets: Fleet[] = collectors.map(count => ({ collectors: count, rounds: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const fleet of round % 2 === 0 ? fleets : fleets.toReversed()) {
      const result = await measure(bench, amount, startFleetOf(fleet.collectors));
      fleet.rounds.push(result);
      bench.print(
        `  round ${round + 1}, ${fleet.collectors} collectors: ${Math.round(result.rate)} msg/s, ${result.cpu.toFixed(1)} µs/msg`,
      );
    }
  }
  const alone = fleets[0]!;
  return {
    title: 'Several collectors',
    method:
      `${amount.messages.toLocaleString('en')} messages of ${amount.sensors} sensors at full rate, to ${collectors.join(', ')} collectors ` +
      'beside each other: topics split by filter, each with a folder and a session of its own, one broker, one database. All of it ' +
      'shares the cores of this machine, so this says what sharing costs, not what more machines bring. ' +
      `${rounds} round(s), by turns.`,
    columns: [
      { title: 'collectors' },
      { title: 'msg/s, of that of one', digits: 2 },
      { title: 'CPU of all of them a message, of that of one', digits: 2 },
      { title: "broker's CPU a message, of that with one", digits: 2 },
    ],
    rows: fleets.map(fleet => rowOf(fleet, alone)),
    figures: Object.fromEntries(
      fleets
        .slice(1)
        .map(fleet => [
          `throughput ratio, ${fleet.collectors} collectors to 1`,
          ratioOf(fleet, alone, 'rate'),
        ]),
    ),
    rounds: fleets,
  };
}

function ratioOf(fleet: Fleet, alone: Fleet, name: 'rate' | 'cpu' | 'brokerCpu'): Spread {
  return ratios(
    fleet.rounds.map(round => round[name]),
    alone.rounds.map(round => round[name]),
  );
}

function rowOf(fleet: Fleet, alone: Fleet): (string | Spread)[] {
  const of = (name: 'rate' | 'cpu' | 'brokerCpu') => (fleet === alone ? '1' : ratioOf(fleet, alone, name));
  return [String(fleet.collectors), of('rate'), of('cpu'), of('brokerCpu')];
}
