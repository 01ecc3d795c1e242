import type { Format } from './format.ts';
import { json } from './formats/json.ts';
import { number } from './formats/number.ts';
import { sluice } from './formats/sluice.ts';

/** Every format that an entry of the topics file can name. */
export const formats: readonly Format[] = [sluice, number, json];
