import { expect, test } from 'vitest';
import { playedSensors } from '../../../commands/up/up.ts';
import { configFor } from '../../harness/pipeline.ts';

test('nothing is published unasked to a broker of somebody else', () => {
  expect(playedSensors(configFor({}))).toBe(5);
  expect(playedSensors(configFor({ GENERATOR_SENSORS: '0' }))).toBe(0);
  const MQTT_URL = 'mqtt://broker.example';
  expect(playedSensors(configFor({ MQTT_URL }))).toBe(0);
  expect(playedSensors(configFor({ MQTT_URL, GENERATOR_SENSORS: '3' }))).toBe(3);
});
