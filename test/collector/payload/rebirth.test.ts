import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { loadSparkplug, readSparkplug } from '../../../collector/payload/sparkplug-payload.ts';
import { eventually } from '../../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../../harness/mosquitto.ts';
import { receiving } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { collecting } from '../serve/collecting.ts';
import { sparkplugMessage } from './sparkplug-message.ts';

const TOPICS = `
topics:
  - { filter: "spBv1.0/Plant/#", format: sparkplug, rebirth: request }
  - { filter: "spBv1.0/+/#", format: sparkplug }
`;
const timestamp = Date.UTC(2025, 10, 12, 10);
const message = (seq: number, metric: object) =>
  sparkplugMessage({ timestamp, seq, metrics: [{ ...metric }] });
const birth = message(0, { name: 'Level', alias: 1, datatype: 10, double_value: 1 });
const data = (seq: number, alias = 1) => message(seq, { alias, double_value: 2 });

test.skipIf(withoutMosquitto)(
  'a node is asked for its births when something is missing, once a minute, and only where the entry says so',
  async () => {
    await using broker = await startMosquitto();
    await using folder = await temporaryFolder();
    const TOPICS_FILE = join(folder.path, 'topics.yaml');
    await writeFile(TOPICS_FILE, TOPICS);
    await using running = await collecting({ MQTT_URL: broker.url, TOPICS_FILE });
    await receiving(running.http);
    const client = await connectAsync(broker.url);
    const commands: [topic: string, payload: Buffer][] = [];
    client.on('message', (topic, payload) => commands.push([topic, payload]));
    await client.subscribeAsync(['spBv1.0/+/NCMD/#', 'spBv1.0/+/DCMD/#']);
    const publish = (topic: string, payload: Buffer) =>
      client.publishAsync(`spBv1.0/${topic}`, payload, { qos: 1 });

    // Whatever is missing there, the second entry asks nobody.
    await publish('Other/NDATA/Line 1', data(4, 9));
    await publish('Other/NDATA/Line 1', data(9, 9));
    // An unknown alias; then, at once, a gap.
    await publish('Plant/DDATA/Line 1/Pump', data(4, 9));
    await publish('Plant/DDATA/Line 1/Pump', data(7, 9));
    // Nothing is missing here, and there something is.
    await publish('Plant/NBIRTH/Line 2', birth);
    await publish('Plant/NDATA/Line 2', data(1));
    await publish('Plant/NBIRTH/Line 3', birth);
    await publish('Plant/NDATA/Line 3', data(3));
    await eventually(() => {
      expect(commands.map(([topic]) => topic)).toEqual([
        'spBv1.0/Plant/NCMD/Line 1',
        'spBv1.0/Plant/NCMD/Line 3',
      ]);
      return Promise.resolve();
    });
    loadSparkplug();
    const { metrics } = readSparkplug(commands[0]![1])!;
    expect(metrics).toMatchObject([{ name: 'Node Control/Rebirth', datatype: 11, value: true }]);

    await eventually(async () => {
      const counted = (await (await fetch(`${running.http}/metrics`)).text())
        .split('\n')
        .filter(line => /^sluice_(?:messages_missing|rebirths_requested)_total/.test(line));
      expect(counted).toEqual([
        'sluice_messages_missing_total{entry="spBv1.0/+/#"} 4',
        'sluice_messages_missing_total{entry="spBv1.0/Plant/#"} 4',
        'sluice_rebirths_requested_total 2',
      ]);
    });
    await client.endAsync();
  },
);
