import { expect, test } from 'vitest';
import { readConfig } from '../../base/config.ts';
import { explainUnreachable } from '../../commands/unreachable.ts';

const config = readConfig({ DATABASE_URL: 'postgresql://u:p@db:5432/x', MQTT_URL: 'mqtt://broker:1883' });
const refused = (port: number) =>
  Object.assign(new Error(`connect ECONNREFUSED ${port}`), { syscall: 'connect', port });

test('broker and database are blamed for their own ports only', () => {
  expect(explainUnreachable(refused(5432), config)).toMatchObject({
    message: expect.stringMatching(/^No database answers on db:5432 /),
  });
  expect(explainUnreachable(refused(1883), config)).toMatchObject({
    message: expect.stringMatching(/^No broker answers on broker:1883 /),
  });
  // Of a mail server, say.
  const other = refused(25);
  expect(explainUnreachable(other, config)).toBe(other);
});
