import { expect, test } from 'vitest';
import { didYouMean, nearestNames } from '../../base/nearest.ts';

const names = ['Sensor 1', 'Sensor 2', 'Sensor 12', 'Pump', 'Boiler'];

test('the nearest names come first, whatever their case', () => {
  expect(nearestNames('sensor 12', names)).toEqual(['Sensor 12', 'Sensor 1', 'Sensor 2']);
  expect(nearestNames('Bolier', names)).toEqual(['Boiler']);
});

test('the beginning of a name is near, a word for something else is not', () => {
  expect(nearestNames('Boi', names)).toEqual(['Boiler']);
  expect(nearestNames('Thermometer', names)).toEqual([]);
  expect(nearestNames('', names)).toEqual([]);
});

test('a sentence ends with up to three names', () => {
  expect(didYouMean('Sensor', names)).toBe('; did you mean "Sensor 1", "Sensor 12" or "Sensor 2"?');
  expect(didYouMean('Pum', names)).toBe('; did you mean "Pump"?');
  expect(didYouMean('Thermometer', names)).toBe('');
});

test('the signs between words and zeros before a number do not count', () => {
  const names = Array.from({ length: 120 }, (_, index) => `Sensor ${index + 1}`);
  expect(nearestNames('sensor_00007', names)[0]).toBe('Sensor 7');
  expect(nearestNames('Sensor 7', ['sensor_00006', 'sensor_00007', 'sensor_00070'])[0]).toBe('sensor_00007');
});
