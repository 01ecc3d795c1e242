import { expect, test } from 'vitest';
import { deliverySettings } from '../../bench/broker.ts';

test('Mosquitto is measured as it is shipped, and waits to send small packets together', async () => {
  const settings = await deliverySettings();
  expect(settings).toContainEqual(expect.stringMatching(/^max_inflight_messages [1-9]\d*$/));
  expect(settings).not.toContainEqual(expect.stringMatching(/^set_tcp_nodelay true/));
});
