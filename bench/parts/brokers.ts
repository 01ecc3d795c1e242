import type { Bench } from '../bench.ts';
import type { Plan } from '../plan.ts';
import type { PartResult } from '../result.ts';
import { startSluiceWith } from '../sluice-subscriber.ts';
import { ratios, type Spread, spread } from '../stats.ts';
import { measure, type Round } from '../subscriber.ts';

/** A way to set up Mosquitto, and Sluice's own settings beside it. */
interface Variant {
  name: string;
  settings: string[];
  env?: Record<string, string>;
}

const OLDER = { MQTT_PROTOCOL: '3.1.1' };

const variants: Variant[] = [
  { name: 'as shipped', settings: [] },
  { name: '`set_tcp_nodelay true`', settings: ['set_tcp_nodelay true'] },
  {
    name: 'MQTT 3.1.1, `max_inflight_messages 20` (the default)',
    settings: ['max_inflight_messages 20'],
    env: OLDER,
  },
  { name: 'MQTT 3.1.1, `max_inflight_messages 1000`', settings: ['max_inflight_messages 1000'], env: OLDER },
  {
    name: 'MQTT 3.1.1, `max_inflight_messages 20000`',
    settings: ['max_inflight_messages 20000'],
    env: OLDER,
  },
];

/** What settings of the broker cost or bring, each beside the shipped ones of the same round. */
export async function measureBrokers(bench: Bench, plan: Plan): Promise<PartResult> {
  const { amount, rounds } = plan.brokers;
  const found = variants.map((): Round[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { name, settings, env = {} }] of variants.entries()) {
      const result = await measure(bench, amount, startSluiceWith(env), settings);
      found[index]!.push(result);
      bench.print(`  round ${round + 1}, ${name}: ${Math.round(result.rate)} msg/s`);
    }
  }
  const rates = found.map(rounds => rounds.map(({ rate }) => rate));
  const share = (index: number) => ratios(rates[index]!, rates[0]!);
  return {
    title: 'Settings of the broker',
    method:
      `${amount.messages.toLocaleString('en')} messages of ${amount.sensors} sensors, QoS 1, through Sluice, with Mosquitto set up in several ways; ` +
      `${rounds} round(s), by turns.`,
    columns: [
      { title: '' },
      { title: 'msg/s' },
      { title: 'of that as shipped', digits: 2 },
      { title: "broker's CPU µs/msg", digits: 1 },
    ],
    rows: variants.map(({ name }, index): (string | Spread)[] => [
      name,
      spread(rates[index]!),
      index === 0 ? '' : share(index),
      spread(found[index]!.map(({ brokerCpu }) => brokerCpu)),
    ]),
    figures: Object.fromEntries(
      variants
        .slice(1)
        .map(({ name }, index) => [`throughput, ${name.replaceAll('`', '')}`, share(index + 1)]),
    ),
    rounds: found,
  };
}
