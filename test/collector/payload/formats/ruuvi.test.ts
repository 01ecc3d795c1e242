import { expect, test } from 'vitest';
import { decoding } from '../decoding.ts';

const decode = decoding('topics: [{filter: "ruuvi/{gateway}/{mac}", format: ruuvi, sensor: "{mac}/{path}"}]');
const sent = (data: string, more = {}) =>
  decode('ruuvi/GW/CB:B8', {
    gw_mac: 'C8:25:2D:8E:9C:2C',
    gwts: '1659365432',
    ts: '1659365222',
    data,
    ...more,
  });
const values = (data: string) => {
  const decoded = sent(data);
  return typeof decoded === 'string'
    ? decoded
    : decoded.map(text => text.split(' ').slice(0, 2).join(' ').slice(6));
};

// The test vectors of docs.ruuvi.com, "Bluetooth Advertisements".
test('data format 5 (RAWv2), as a gateway hands it on', () => {
  expect(sent('0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F', { rssi: -62 })).toEqual([
    'CB:B8/temperature 24.3 °C 2022-08-01T14:47:02Z',
    'CB:B8/humidity 53.49 % 2022-08-01T14:47:02Z',
    'CB:B8/pressure 100044 Pa 2022-08-01T14:47:02Z',
    'CB:B8/acceleration_x 0.004 g 2022-08-01T14:47:02Z',
    'CB:B8/acceleration_y -0.004 g 2022-08-01T14:47:02Z',
    'CB:B8/acceleration_z 1.036 g 2022-08-01T14:47:02Z',
    'CB:B8/battery 2.977 V 2022-08-01T14:47:02Z',
    'CB:B8/tx_power 4 dBm 2022-08-01T14:47:02Z',
    'CB:B8/movement_counter 66 2022-08-01T14:47:02Z',
    'CB:B8/measurement_sequence 205 2022-08-01T14:47:02Z',
    'CB:B8/rssi -62 dBm 2022-08-01T14:47:02Z',
  ]);
  expect(values('058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF')).toEqual([]);
});

test('data format 3 (RAWv1)', () => {
  expect(values('03291A1ECE1EFC18F94202CA0B53')).toEqual([
    'temperature 26.3',
    'humidity 20.5',
    'pressure 102766',
    'acceleration_x -1',
    'acceleration_y -1.726',
    'acceleration_z 0.714',
    'battery 2.899',
  ]);
});

test('data format 6 (Ruuvi Air): valid, maximum, minimum and missing values', () => {
  expect(values('06170C5668C79E007000C90501D9FFCD004C884F')).toEqual([
    'temperature 29.5',
    'humidity 55.3',
    'pressure 101102',
    'pm2_5 11.2',
    'co2 201',
    'voc 10',
    'nox 2',
    'luminosity 13026.67',
    'measurement_sequence 205',
  ]);
  expect(values('067FFF9C40FFFE27109C40FAFAFEFFFF074C8F4F')).toEqual([
    'temperature 163.835',
    'humidity 100',
    'pressure 115534',
    'pm2_5 1000',
    'co2 40000',
    'voc 500',
    'nox 500',
    'luminosity 65535',
    'measurement_sequence 255',
  ]);
  expect(values('0680010000000000000000000000FF00004C884F')[0]).toBe('temperature -163.835');
  expect(values('068000FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF')).toEqual(['measurement_sequence 255']);
});

test('data format E1 (Ruuvi Air, extended advertisements): valid, maximum and missing values', () => {
  expect(values('E1170C5668C79E0065007004BD11CA00C90A0213E0ACFFFFFFDECDEE10FFFFFFFFFFCBB8334C884F')).toEqual([
    'temperature 29.5',
    'humidity 55.3',
    'pressure 101102',
    'pm1_0 10.1',
    'pm2_5 11.2',
    'pm4_0 121.3',
    'pm10_0 455.4',
    'co2 201',
    'voc 20',
    'nox 4',
    'luminosity_e1 13027',
    'measurement_sequence_e1 14601710',
  ]);
  const most = values('E17FFF9C40FFFE27102710271027109C40FAFADC28F0FFFFFFFFFFFE3FFFFFFFFFFFCBB8334C884F');
  expect(most).toContain('luminosity_e1 144284');
  expect(most).toContain('voc 500');
  expect(most).toContain('measurement_sequence_e1 16777214');
  expect(values(`E18000${'FF'.repeat(37)}`)).toEqual([]);
});

test('data format 5: the largest and the smallest values; data format 3 likewise', () => {
  expect(values('057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F')).toEqual([
    'temperature 163.835',
    'humidity 163.835',
    'pressure 115534',
    'acceleration_x 32.767',
    'acceleration_y 32.767',
    'acceleration_z 32.767',
    'battery 3.646',
    'tx_power 20',
    'movement_counter 254',
    'measurement_sequence 65534',
  ]);
  expect(values('058001000000008001800180010000000000CBB8334C884F')).toEqual([
    'temperature -163.835',
    'humidity 0',
    'pressure 50000',
    'acceleration_x -32.767',
    'acceleration_y -32.767',
    'acceleration_z -32.767',
    'battery 1.6',
    'tx_power -40',
    'movement_counter 0',
    'measurement_sequence 0',
  ]);
  expect(values('03FF7F63FFFF7FFF7FFF7FFFFFFF')).toEqual([
    'temperature 127.99',
    'humidity 127.5',
    'pressure 115535',
    'acceleration_x 32.767',
    'acceleration_y 32.767',
    'acceleration_z 32.767',
    'battery 65.535',
  ]);
  expect(values('0300FF6300008001800180010000')[0]).toBe('temperature -127.99');
});

test.each([
  ['0201061BFF99040812', 'not a Ruuvi data format that is known (3, 5, 6, E1)'],
  ['0512FC', 'Ruuvi data that is too short'],
  ['', 'data are not hexadecimal digits'],
  ['051', 'data are not hexadecimal digits'],
  ['0512zz', 'data are not hexadecimal digits'],
])('%j: %s', (data, reason) => {
  expect(sent(data)).toBe(reason);
});

test('what a gateway says of itself is no reading; a time that is none is a reason', () => {
  expect(decode('ruuvi/GW/gw_status', { state: 'online' })).toEqual([]);
  expect(sent('03291A1ECE1EFC18F94202CA0B53', { ts: 'x' })).toBe('time is not an ISO 8601 date and time');
  expect(decode('ruuvi/GW/x', 'null')).toEqual([]);
});
