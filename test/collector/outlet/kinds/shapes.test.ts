import { expect, test } from 'vitest';
import { subjectToken } from '../../../../collector/outlet/kinds/jetstream.ts';
import { equipmentTexts } from '../../../../collector/outlet/kinds/redis-list.ts';

const reading = (sensorId: string, time: string, value: number) => ({
  id: `x:${sensorId}:${time}`,
  sensorId,
  time,
  fields: { value, quality: 'valid' },
});

test('measurements of one equipment and time share a text; a sensor by itself has a value', () => {
  const texts = equipmentTexts([
    reading('PUMP-A1-001/temperature', '2025-11-12T10:15:01Z', 21.5),
    reading('Sensor 1', '2025-11-12T10:15:01Z', 20),
    reading('PUMP-A1-001/pressure', '2025-11-12T10:15:01Z', 3),
    reading('PUMP-A1-001/temperature', '2025-11-12T10:15:02Z', 22),
    reading('odd/__proto__', '2025-11-12T10:15:02Z', 1),
  ]);
  expect(texts).toEqual([
    '{"equipment_id":"PUMP-A1-001","timestamp":"2025-11-12T10:15:01Z","measurements":{"temperature":21.5,"pressure":3}}',
    '{"equipment_id":"Sensor 1","timestamp":"2025-11-12T10:15:01Z","measurements":{"value":20}}',
    '{"equipment_id":"PUMP-A1-001","timestamp":"2025-11-12T10:15:02Z","measurements":{"temperature":22}}',
    '{"equipment_id":"odd","timestamp":"2025-11-12T10:15:02Z","measurements":{"__proto__":1}}',
  ]);
});

test.each([
  ['Sensor 1', 'Sensor%201'],
  ['a.b/c', 'a%2Eb/c'],
  ['*>', '%2A%3E'],
  ['50%', '50%25'],
])('the sensor %s is one token of a subject', (id, token) => {
  expect(subjectToken(id)).toBe(token);
});
