import { ask } from './api.js';
import { SensorChart } from './chart.js';
import { SensorTable } from './sensors.js';
import { Stages } from './stages.js';
import { listen } from './stream.js';

/** Scores and means change once a minute, at its fifth second. */
const OVERVIEW_MS = 30_000;
/** By then a reading is in the database, with the default BATCH_MS. */
const LOADED_MS = 2500;

const connection = document.getElementById('connection');
const states = { live: 'Live', lost: 'Connection lost. Trying again…' };

const table = new SensorTable(sensor => {
  table.select(sensor.sensor_id);
  void chart.open(sensor).catch(() => undefined);
});
const chart = new SensorChart(
  () => table.now,
  () => table.select(undefined),
);

async function overview() {
  const answer = await ask('api/v1/overview').catch(() => undefined);
  if (answer !== undefined) table.update(answer);
  await chart.refresh().catch(() => undefined);
}

let unknown = false;
new Stages(at => table.setClock(at)).start();
await overview();
setInterval(overview, OVERVIEW_MS);
// A sensor that the table does not have yet: look again, once for all of them.
setInterval(() => {
  if (unknown) void overview();
  unknown = false;
}, 3000);

await listen('api/v1/stream', {
  state: state => {
    // What was recorded before the stream began is loaded a moment later.
    if (state === 'live') setTimeout(overview, LOADED_MS);
    if (state === 'live' && connection.dataset.state === 'lost') void overview();
    connection.dataset.state = state;
    connection.textContent = states[state];
  },
  reading: reading => {
    if (!table.reading(reading)) unknown = true;
    chart.reading(reading);
  },
  mean: mean => table.mean(mean),
});
