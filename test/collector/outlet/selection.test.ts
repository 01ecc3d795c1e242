import { expect, test } from 'vitest';
import { Selection } from '../../../collector/outlet/selection.ts';

test.each([
  [['*'], 'anything/at.all', true],
  [['line1/*'], 'line1/pump/temperature', true],
  [['line1/*'], 'line10/pump', false],
  [['Sensor ?'], 'Sensor 1', true],
  [['Sensor ?'], 'Sensor 10', false],
  [['a.b'], 'axb', false],
  [['hall', 'attic'], 'attic', true],
  [['*', '!*/debug'], 'x/debug', false],
  [['!*/debug'], 'x/value', true],
  [['*/zwölf'], 'a/zwölf', true],
])('%j takes %s: %s', (sensors, id, taken) => {
  const selection = new Selection({ sensors, quality: ['valid'] });
  expect(selection.hasSensor(id)).toBe(taken);
  expect(selection.hasSensor(id)).toBe(taken);
});

test('a quality that nobody wants is left out; means are of valid readings', () => {
  const selection = new Selection({ sensors: ['*'], quality: ['valid'] });
  const message = { id: '1', sensorId: 'a', time: '' };
  expect(selection.has({ ...message, fields: { value: 1, quality: 'valid' } })).toBe(true);
  expect(selection.has({ ...message, fields: { value: 1, quality: 'out_of_range' } })).toBe(false);
  expect(selection.has({ ...message, fields: { val_mean: 1 } })).toBe(true);
});
