import { ask, askPages, every } from './api.js';
import { csvOf } from './csv.js';
import { now, startFrame } from './frame.js';
import { HistoryChart } from './history-chart.js';
import { HistoryView } from './history-view.js';
import { duration, measured, moment, setText, zone } from './words.js';

/** How often a chart that goes up to now is read again. */
const LIVE_MS = 5000;
const SLOW_LIVE_MS = 60_000;
const NAMES = { '1m': 'minutes', '1h': 'hours', '1d': 'days' };

const chosen = document.getElementById('chosen');
const summary = document.getElementById('summary');
const resolution = document.getElementById('resolution');
const band = document.getElementById('band');
const field = document.getElementById('sensor');
const fields = { from: document.getElementById('from'), to: document.getElementById('to') };

let view = HistoryView.read(location.search);
let series = [];
let readAt = 0;
/** Which question is the newest: the answer to an older one is not drawn. */
let wanted = 0;

const chart = new HistoryChart(document.getElementById('chart'), (from, to) => {
  view.show(from, to);
  return changed();
});
startFrame('history', { zone: () => void draw() });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => void draw());
addEventListener('popstate', () => {
  view = HistoryView.read(location.search);
  void load();
});

document.getElementById('pick').addEventListener('submit', event => {
  event.preventDefault();
  const id = field.value.trim();
  if (id === '' || view.sensors.includes(id) || view.sensors.length >= 10) return;
  view.sensors.push(id);
  field.value = '';
  void changed();
});
document.getElementById('ranges').addEventListener('click', event => {
  const { range } = event.target.dataset;
  if (range === undefined) return;
  view.range = range;
  void changed();
});
document.querySelector('.segments:has([data-move])').addEventListener('click', event => {
  const { move } = event.target.dataset;
  if (move === undefined) return;
  view.move(move, now());
  void changed();
});
document.getElementById('custom').addEventListener('submit', event => {
  event.preventDefault();
  const [from, to] = [parse(fields.from.value), parse(fields.to.value)];
  fields.to.setCustomValidity(to > from ? '' : 'It must be later than From.');
  if (!fields.to.reportValidity()) return;
  view.show(from, to);
  void changed();
});
fields.to.addEventListener('input', () => fields.to.setCustomValidity(''));
band.addEventListener('change', () => {
  view.band = band.checked;
  history.replaceState(null, '', view.search);
  void draw();
});
document.getElementById('csv').addEventListener('click', () => {
  const blob = new Blob([csvOf(series)], { type: 'text/csv' });
  const url = URL.createObjectURL(blob);
  save(url, 'csv');
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
document.getElementById('png').addEventListener('click', () => save(chart.png(), 'png'));

void offerSensors();
await load();
await every(1000, () => {
  const { from, to } = view.window(now());
  const ms = to - from > 7_200_000 ? SLOW_LIVE_MS : LIVE_MS;
  return view.range !== undefined && Date.now() - readAt > ms ? load() : undefined;
});

/** Another view: it gets a URL of its own, and is read. */
async function changed() {
  history.pushState(null, '', view.search);
  await load();
}

async function load() {
  const mine = ++wanted;
  readAt = Date.now();
  showChoice();
  const { from, to } = view.window(now());
  if (view.sensors.length === 0) {
    series = [];
    await draw();
    setText(summary, 'Choose a sensor.');
    return;
  }
  // Half a window on either side as well, so that something is there while somebody moves the chart.
  const half = (to - from) / 2;
  const width = document.getElementById('chart').clientWidth;
  const query = new URLSearchParams(view.sensors.map(id => ['sensor', id]));
  query.set('from', new Date(from - half).toISOString());
  query.set('to', new Date(to + half).toISOString());
  query.set('points', String(Math.min(3000, Math.max(400, Math.round(width) * 2))));
  const answer = await ask(`api/v1/history?${query}`).catch(() => undefined);
  // Somebody has gone on meanwhile.
  if (mine !== wanted) return;
  if (answer === undefined) {
    setText(summary, 'The collector cannot answer at present.');
    return;
  }
  series = answer.series;
  await draw();
}

async function draw() {
  const shown = view.window(now());
  await chart.draw(series, { ...shown, band: view.band });
  setText(summary, series.map(one => describe(one, shown)).join(' '));
  setText(resolution, [...new Set(series.map(resolutionText))].join('; '));
}

/** What the chart says, for those who do not see it. */
function describe({ sensor_id, unit, points, marks }, { from, to }) {
  const seen = points.filter(([ms]) => ms >= from && ms < to);
  const invalid = marks.filter(([ms]) => ms >= from && ms < to).reduce((sum, [, , n]) => sum + n, 0);
  const rest = invalid > 0 ? `, ${invalid} not valid` : '';
  if (seen.length === 0) return `${sensor_id}: no valid reading${rest}.`;
  const least = Math.min(...seen.map(([, , value]) => value));
  const greatest = Math.max(...seen.map(([, , , value]) => value));
  return `${sensor_id}: ${measured(least, unit)} to ${measured(greatest, unit)}${rest}.`;
}

function resolutionText({ source, step_s }) {
  if (source === 'reading') return step_s === 0 ? 'Each reading' : `Means of ${duration(step_s)}`;
  return `Means of ${duration(step_s)}, made of ${NAMES[source]}`;
}

function showChoice() {
  band.checked = view.band;
  for (const button of document.querySelectorAll('[data-range]')) {
    button.setAttribute('aria-pressed', String(button.dataset.range === view.range));
  }
  const { from, to } = view.window(now());
  fields.from.value = fieldText(from);
  fields.to.value = fieldText(to);
  const key = view.sensors.join('\n');
  if (chosen.dataset.key === key) return;
  chosen.dataset.key = key;
  chosen.replaceChildren(
    ...view.sensors.map(id => {
      const item = document.createElement('li');
      const button = Object.assign(document.createElement('button'), { type: 'button', textContent: '×' });
      button.setAttribute('aria-label', `Remove ${id}`);
      button.addEventListener('click', () => {
        view.sensors = view.sensors.filter(other => other !== id);
        void changed();
      });
      item.append(id, button);
      return item;
    }),
  );
}

async function offerSensors() {
  const pages = await askPages('api/v1/overview?limit=1000', 5).catch(() => []);
  document
    .getElementById('sensor-ids')
    .replaceChildren(
      ...pages.flatMap(({ sensors }) =>
        sensors.map(({ sensor_id }) => Object.assign(document.createElement('option'), { value: sensor_id })),
      ),
    );
}

function save(url, extension) {
  const { from } = view.window(now());
  const name = `${view.sensors[0] ?? 'history'} ${moment(from)}`.replaceAll(/[^\p{L}\p{N}.-]+/gu, '_');
  Object.assign(document.createElement('a'), { href: url, download: `${name}.${extension}` }).click();
}

/** Fields of the form have no zone: they are in the one that is chosen. */
function fieldText(ms) {
  const shift = zone() === 'utc' ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - shift).toISOString().slice(0, 19);
}

function parse(text) {
  return Date.parse(zone() === 'utc' ? `${text}Z` : text);
}
