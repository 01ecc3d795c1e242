import { ask, askPages } from './api.js';
import { now, startFrame } from './frame.js';
import { count } from './words.js';

const DAY_MS = 86_400_000;
const MOST_PAGES = 5;

const days = document.getElementById('days');
const find = document.getElementById('find');
const order = document.getElementById('order');
const head = document.querySelector('#heat thead');
const body = document.querySelector('#heat tbody');
const none = document.getElementById('heat-none');
let shown = { days: [], sensors: [] };

startFrame('quality');

const view = new URLSearchParams(location.search);
for (const control of [days, find, order]) {
  if (view.has(control.id)) control.value = view.get(control.id);
  control.addEventListener('input', () => {
    view.set(control.id, control.value);
    history.replaceState(null, '', `?${view}`);
    void (control === days ? load() : draw());
  });
}
await load();

async function load() {
  const to = date(now());
  const from = date(now() - (Number(days.value) - 1) * DAY_MS);
  const pages = await askPages(`api/v1/quality/days?from=${from}&to=${to}`, MOST_PAGES).catch(
    () => undefined,
  );
  if (pages === undefined) {
    none.textContent = 'The collector cannot answer at present.';
    return;
  }
  shown = { days: pages[0].days, sensors: pages.flatMap(({ sensors }) => sensors) };
  draw();
}

function draw() {
  const wanted = find.value.trim().toLowerCase();
  const sensors = shown.sensors.filter(({ sensor_id }) => sensor_id.toLowerCase().includes(wanted));
  if (order.value === 'worst') sensors.sort((a, b) => meanOf(a) - meanOf(b));
  head.replaceChildren(
    row(
      cell('th', 'Sensor', { scope: 'col' }),
      ...shown.days.map(day => {
        const element = cell('th', day.slice(8), { scope: 'col', title: day });
        element.setAttribute('aria-label', day);
        return element;
      }),
    ),
  );
  body.replaceChildren(
    ...sensors.map(({ sensor_id, scores }) =>
      row(
        cell('th', sensor_id, { scope: 'row' }),
        ...scores.map((score, at) => square(sensor_id, shown.days[at], score)),
      ),
    ),
  );
  none.textContent =
    sensors.length > 0
      ? ''
      : wanted === ''
        ? 'No sensor has sent anything yet.'
        : `No sensor matches “${wanted}”.`;
}

function square(sensor, day, score) {
  const element = document.createElement('td');
  if (score === null) {
    element.append(
      Object.assign(document.createElement('span'), { className: 'cell empty', title: `${day}: nothing` }),
    );
    return element;
  }
  const button = Object.assign(document.createElement('button'), {
    type: 'button',
    className: `cell ${verdictOf(score)}`,
    title: `${day}: ${score}`,
  });
  button.setAttribute('aria-label', `${sensor}, ${day}: ${score}`);
  button.addEventListener('click', () => void open(sensor, day));
  element.append(button);
  return element;
}

/** Shows what the score of a day is made of. */
async function open(sensor, day) {
  // Only this one: it comes behind all that sort before it.
  const [counts] = await ask(
    `api/v1/sensors/${encodeURIComponent(sensor)}/quality?from=${day}&to=${day}`,
  ).catch(() => []);
  if (counts === undefined) return;
  const section = document.getElementById('day');
  document.getElementById('day-title').textContent = `${sensor}, ${day}`;
  const words = {
    expected: 'Expected',
    received: 'Came',
    valid: 'Valid',
    out_of_range: 'Out of range',
    unknown: 'Of a sensor not registered',
    rejected: 'Not stored',
    duplicates: 'Came twice',
    conflicts: 'A second value for the same time',
    late: 'Late',
    stuck: 'Stuck',
    jumps: 'Jumps',
  };
  document.getElementById('day-counts').replaceChildren(
    ...Object.entries(words).flatMap(([name, word]) => {
      if (counts[name] === null || (counts[name] === 0 && !['received', 'valid'].includes(name))) return [];
      const pair = document.createElement('div');
      pair.append(cell('dt', word), cell('dd', count(Math.floor(counts[name]))));
      return [pair];
    }),
  );
  const link = document.getElementById('day-history');
  link.href = `history?${new URLSearchParams({ sensor, from: `${day}T00:00:00.000Z`, to: new Date(Date.parse(day) + DAY_MS).toISOString() })}`;
  section.hidden = false;
  section.scrollIntoView({ block: 'nearest' });
}

function meanOf({ scores }) {
  const known = scores.filter(score => score !== null);
  return known.length === 0 ? 101 : known.reduce((sum, score) => sum + score, 0) / known.length;
}

/** As gold.quality_verdict has it. */
function verdictOf(score) {
  return score > 95 ? 'good' : score >= 80 ? 'warning' : 'critical';
}

function date(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}

function row(...cells) {
  const element = document.createElement('tr');
  element.append(...cells);
  return element;
}

function cell(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...properties });
}
