import type { Bench } from '../bench.ts';
import { Broker } from '../broker.ts';
import { loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import { preparePublisher } from '../publication.ts';
import type { PartResult } from '../result.ts';
import { spread } from '../stats.ts';

/** How fast the publisher is where nobody subscribes: if it is hardly faster than a subscriber, it is what we measured. */
export async function measurePublisher(bench: Bench, plan: Plan): Promise<PartResult> {
  const { messages, rounds } = plan.publisher;
  const rates: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using broker = await Broker.start(bench);
    const load = { sensors: 100, count: messages, from: loadStart(0) };
    const publisher = await preparePublisher(bench, { port: broker.port, load });
    const { began, ended, cpuMicros } = await publisher.publish();
    rates.push((messages * 1000) / (ended - began));
    cpu.push(cpuMicros / messages);
    bench.print(`  ${Math.round(rates.at(-1)!)} msg/s`);
  }
  return {
    title: 'The publisher',
    method:
      `${messages.toLocaleString('en')} messages, QoS 1, to a broker without subscribers. All packets are encoded before the ` +
      'first one is sent; all loads below come from this publisher.',
    columns: [{ title: '' }, { title: 'msg/s' }, { title: 'CPU µs/msg', digits: 1 }],
    rows: [['publisher, nobody subscribed', spread(rates), spread(cpu)]],
    figures: { publisher: spread(rates) },
    rounds: { rates, cpu },
  };
}
