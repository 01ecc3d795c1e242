import type { Format } from './format.ts';
import { homie } from './formats/homie.ts';
import { influx } from './formats/influx.ts';
import { json } from './formats/json.ts';
import { jsonata } from './formats/jsonata.ts';
import { number } from './formats/number.ts';
import { ruuvi } from './formats/ruuvi.ts';
import { senml } from './formats/senml.ts';
import { sluice } from './formats/sluice.ts';
import { sparkplug } from './formats/sparkplug.ts';

/** Every format that an entry of the topics file can name. */
export const formats: readonly Format[] = [
  sluice,
  number,
  json,
  sparkplug,
  senml,
  influx,
  homie,
  ruuvi,
  jsonata,
];
