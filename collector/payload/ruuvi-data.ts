/** A measured value of a Ruuvi sensor. */
export interface Measured {
  path: string;
  unit: string | undefined;
  value: number;
}

/** Of a Bluetooth advertisement, the data of the manufacturer 0x0499, Ruuvi Innovations: `FF 99 04`. */
const MARK = Buffer.from([0xff, 0x99, 0x04]);

/**
 * Reads the advertisement that a Ruuvi Gateway hands on, or Ruuvi's data alone: data formats 3 (RAWv1), 5 (RAWv2), 6 and E1
 * (Ruuvi Air), as docs.ruuvi.com describes them. What a sensor has not got is left out.
 * @returns why nothing can be read.
 */
export function readRuuvi(advertisement: Buffer): Measured[] | string {
  const at = advertisement.indexOf(MARK);
  const data = at < 0 ? advertisement : advertisement.subarray(at + MARK.length);
  const read = readers.get(data[0] ?? 0);
  if (read === undefined) return 'not a Ruuvi data format that is known (3, 5, 6, E1)';
  if (data.length < read.bytes) return 'Ruuvi data that is too short';
  return read
    .values(data)
    .flatMap(([path, unit, value]) => (value === undefined ? [] : [{ path, unit, value }]));
}

type Values = [path: string, unit: string | undefined, value: number | undefined][];

const readers = new Map<number, { bytes: number; values: (data: Buffer) => Values }>([
  [3, { bytes: 14, values: format3 }],
  [5, { bytes: 18, values: format5 }],
  [6, { bytes: 17, values: format6 }],
  [0xe1, { bytes: 29, values: formatE1 }],
]);

function format3(data: Buffer): Values {
  const sign = (data[2]! & 0x80) === 0 ? 1 : -1;
  return [
    ['temperature', '°C', sign * scaled((data[2]! & 0x7f) * 100 + data[3]!, 0.01)],
    ['humidity', '%', scaled(data[1]!, 0.5)],
    ['pressure', 'Pa', data.readUInt16BE(4) + 50_000],
    ['acceleration_x', 'g', scaled(data.readInt16BE(6), 0.001)],
    ['acceleration_y', 'g', scaled(data.readInt16BE(8), 0.001)],
    ['acceleration_z', 'g', scaled(data.readInt16BE(10), 0.001)],
    ['battery', 'V', scaled(data.readUInt16BE(12), 0.001)],
  ];
}

function format5(data: Buffer): Values {
  const power = data.readUInt16BE(13);
  return [
    ['temperature', '°C', signed(data, 1, 0.005)],
    ['humidity', '%', unsigned(data, 3, 0.0025)],
    ['pressure', 'Pa', unsigned(data, 5, 1, 50_000)],
    ['acceleration_x', 'g', signed(data, 7, 0.001)],
    ['acceleration_y', 'g', signed(data, 9, 0.001)],
    ['acceleration_z', 'g', signed(data, 11, 0.001)],
    ['battery', 'V', power >> 5 === 2047 ? undefined : scaled((power >> 5) + 1600, 0.001)],
    ['tx_power', 'dBm', (power & 31) === 31 ? undefined : (power & 31) * 2 - 40],
    ['movement_counter', undefined, data[15] === 255 ? undefined : data[15]],
    ['measurement_sequence', undefined, unsigned(data, 16, 1)],
  ];
}

function format6(data: Buffer): Values {
  const flags = data[16]!;
  const light = data[13]!;
  return [
    ['temperature', '°C', signed(data, 1, 0.005)],
    ['humidity', '%', unsigned(data, 3, 0.0025)],
    ['pressure', 'Pa', unsigned(data, 5, 1, 50_000)],
    ['pm2_5', 'µg/m³', unsigned(data, 7, 0.1)],
    ['co2', 'ppm', unsigned(data, 9, 1)],
    ['voc', undefined, nineBits(data[11]!, flags >> 6)],
    ['nox', undefined, nineBits(data[12]!, flags >> 7)],
    // Logarithmic: 254 is 65,535 lux.
    ['luminosity', 'lx', light === 255 ? undefined : Math.round((65_536 ** (light / 254) - 1) * 100) / 100],
    ['measurement_sequence', undefined, data[15]],
  ];
}

/** A Ruuvi Air sends the same sample in format 6 as well: what that has with fewer digits is another series here. */
function formatE1(data: Buffer): Values {
  const flags = data[28]!;
  const light = data.readUIntBE(19, 3);
  const sequence = data.readUIntBE(25, 3);
  return [
    ['temperature', '°C', signed(data, 1, 0.005)],
    ['humidity', '%', unsigned(data, 3, 0.0025)],
    ['pressure', 'Pa', unsigned(data, 5, 1, 50_000)],
    ['pm1_0', 'µg/m³', unsigned(data, 7, 0.1)],
    ['pm2_5', 'µg/m³', unsigned(data, 9, 0.1)],
    ['pm4_0', 'µg/m³', unsigned(data, 11, 0.1)],
    ['pm10_0', 'µg/m³', unsigned(data, 13, 0.1)],
    ['co2', 'ppm', unsigned(data, 15, 1)],
    ['voc', undefined, nineBits(data[17]!, flags >> 6)],
    ['nox', undefined, nineBits(data[18]!, flags >> 7)],
    ['luminosity_e1', 'lx', light === 0xffffff ? undefined : scaled(light, 0.01)],
    ['measurement_sequence_e1', undefined, sequence === 0xffffff ? undefined : sequence],
  ];
}

/** An index whose lowest bit stands among the flags. */
function nineBits(high: number, low: number): number | undefined {
  const index = (high << 1) | (low & 1);
  return index === 511 ? undefined : index;
}

/** The largest number means that there is none. */
function unsigned(data: Buffer, at: number, scale: number, offset = 0): number | undefined {
  const raw = data.readUInt16BE(at);
  return raw === 0xffff ? undefined : scaled(raw, scale) + offset;
}

/** The smallest number means that there is none. */
function signed(data: Buffer, at: number, scale: number): number | undefined {
  const raw = data.readInt16BE(at);
  return raw === -0x8000 ? undefined : scaled(raw, scale);
}

function scaled(raw: number, scale: number): number {
  return Number((raw * scale).toPrecision(12));
}
