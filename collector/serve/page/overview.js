import { askPages, every } from './api.js';
import { setState, startFrame } from './frame.js';
import { SensorTable } from './sensors.js';
import { Stages } from './stages.js';
import { listen } from './stream.js';

/** Scores and means change once a minute, at its fifth second. */
const OVERVIEW_MS = 30_000;
/** By then a reading is in the database, with the default BATCH_MS. */
const LOADED_MS = 2500;
/** Sensors beyond five times this are for the API. */
const PAGE = 1000;
const MOST_PAGES = 5;

const table = new SensorTable();
const stages = new Stages();
startFrame('overview', { ownState: true, status: status => stages.show(status) });

let looking;
/** Reads what the database says of each sensor; who asks meanwhile gets the same answer. */
function look() {
  looking ??= read().finally(() => {
    looking = undefined;
  });
  return looking;
}

async function read() {
  const pages = await askPages(`api/v1/overview?limit=${PAGE}`, MOST_PAGES).catch(() => undefined);
  if (pages === undefined) return;
  table.update({ total: pages[0].total, sensors: pages.flatMap(({ sensors }) => sensors) });
}

void every(OVERVIEW_MS, look);
// A sensor that the table has not, and has room for: look again, once for all of them.
void every(3000, () => (table.lacks ? look() : undefined));

let before;
await listen('api/v1/stream', {
  state: state => {
    // What was recorded before the stream began is loaded a moment later.
    if (state === 'live') setTimeout(look, LOADED_MS);
    if (state === 'live' && before === 'lost') void look();
    before = state;
    setState(state);
  },
  reading: reading => table.reading(reading),
  mean: mean => table.mean(mean),
});
