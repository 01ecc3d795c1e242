import { drawSpark, spark } from './spark.js';
import { duration, number } from './words.js';

/** Without an expected interval a sensor is stale after this long. */
const STALE_S = 300;
/** A sensor is stale after this many of its intervals. */
const STALE_INTERVALS = 3;

/** The table of sensors: rows are made once, and only what has changed is written. */
export class SensorTable {
  #body = document.querySelector('#sensors tbody');
  #note = document.getElementById('sensors-note');
  #count = document.getElementById('sensors-count');
  #find = document.getElementById('find');
  #show = document.getElementById('show');
  #rows = new Map();
  #changed = new Set();
  #total = 0;
  /** Server's clock minus ours, in seconds. */
  #offset = 0;

  /** @param onOpen is told of the sensor whose chart is wanted. */
  constructor(onOpen) {
    this.#body.addEventListener('click', event => {
      const button = event.target.closest('button');
      if (button !== null) onOpen(this.#rows.get(button.closest('tr').dataset.sensor).sensor);
    });
    for (const control of [this.#find, this.#show]) control.addEventListener('input', () => this.#filter());
    setInterval(() => this.#paint(), 1000);
  }

  /** Seconds since 1970, by the collector's clock. */
  get now() {
    return Date.now() / 1000 + this.#offset;
  }

  /** Takes the collector's clock; ISO 8601. */
  setClock(at) {
    this.#offset = (Date.parse(at) - Date.now()) / 1000;
  }

  /** Takes the overview: which sensors there are, with scores and means. */
  update({ sensors, total }) {
    this.#total = total;
    for (const sensor of sensors) {
      const row = this.#rows.get(sensor.sensor_id) ?? this.#add(sensor);
      const time = sensor.time === null ? undefined : Date.parse(sensor.time) / 1000;
      row.sensor = sensor;
      row.means = sensor.spark;
      if (time !== undefined && !(row.time > time)) this.#take(row, time, sensor.value);
      this.#changed.add(row);
    }
    this.#paint();
  }

  /** Takes a reading of the stream; whether it is of a sensor that the table has. */
  reading({ sensor_id, time, value }) {
    const row = this.#rows.get(sensor_id);
    if (row === undefined) return false;
    const seconds = Date.parse(time) / 1000;
    if (row.time > seconds || typeof value !== 'number') return true;
    this.#take(row, seconds, value);
    this.#changed.add(row);
    return true;
  }

  /** Takes a mean of the stream. */
  mean({ sensor_id, bucket, val_mean }) {
    const row = this.#rows.get(sensor_id);
    if (row === undefined) return;
    const seconds = Date.parse(bucket) / 1000;
    row.means = row.means.filter(([time]) => time !== seconds && time > this.now - 3700);
    row.means.push([seconds, val_mean]);
    row.means.sort(([a], [b]) => a - b);
    this.#changed.add(row);
  }

  /** Marks the sensor whose chart is open. */
  select(sensorId) {
    for (const [id, row] of this.#rows) row.element.setAttribute('aria-selected', String(id === sensorId));
  }

  #take(row, time, value) {
    row.fresh = row.time !== undefined && row.value !== value;
    row.time = time;
    row.value = value;
  }

  #add(sensor) {
    const element = document.createElement('tr');
    element.dataset.sensor = sensor.sensor_id;
    element.innerHTML =
      '<th scope="row"><button type="button"></button><span class="badges"></span></th><td class="place"></td>' +
      '<td class="number value"><b></b><small></small></td><td class="age"></td><td class="number score"></td><td class="spark"></td>';
    element.querySelector('button').textContent = sensor.sensor_id;
    const line = spark();
    element.querySelector('td.spark').append(line);
    const row = {
      element,
      line,
      sensor,
      means: [],
      badges: element.querySelector('.badges'),
      place: element.querySelector('.place'),
      number: element.querySelector('.value b'),
      unit: element.querySelector('.value small'),
      age: element.querySelector('.age'),
      score: element.querySelector('.score'),
    };
    this.#rows.set(sensor.sensor_id, row);
    const after = [...this.#body.children].find(other => compare(other.dataset.sensor, sensor.sensor_id) > 0);
    this.#body.insertBefore(element, after ?? null);
    return row;
  }

  #paint() {
    const { now } = this;
    for (const row of this.#changed) this.#write(row, now);
    this.#changed.clear();
    for (const row of this.#rows.values()) {
      setText(row.age, row.time === undefined ? 'never' : duration(now - row.time));
      const stale = isStale(row, now);
      if (row.stale === stale) continue;
      row.stale = stale;
      row.element.classList.toggle('stale', stale);
      this.#badges(row);
    }
    this.#filter();
  }

  #write(row, now) {
    const { sensor } = row;
    setText(row.place, sensor.location ?? '');
    setText(row.number, row.value === undefined ? '–' : number(row.value));
    setText(row.unit, sensor.unit ?? '');
    if (row.fresh) {
      row.number.classList.remove('fresh');
      requestAnimationFrame(() => row.number.classList.add('fresh'));
    }
    const { score, verdict } = sensor;
    setText(row.score, score === null ? '–' : `${score} ${verdict}`);
    row.score.className = `number score ${verdict ?? ''}`;
    this.#badges(row);
    drawSpark(row.line, [...row.means, ...(row.time === undefined ? [] : [[row.time, row.value]])], now);
  }

  #badges(row) {
    const { quality, late, stuck, jump } = row.sensor;
    const words = [
      row.stale && 'stale',
      quality === 'out_of_range' && 'out of range',
      quality === 'unknown_sensor' && 'not registered',
      late && 'late',
      stuck && 'stuck',
      jump && 'jump',
    ].filter(Boolean);
    if (row.words === words.join()) return;
    row.words = words.join();
    row.badges.replaceChildren(
      ...words.map(word =>
        Object.assign(document.createElement('span'), { className: 'badge', textContent: word }),
      ),
    );
  }

  #filter() {
    const wanted = this.#find.value.trim().toLowerCase();
    const show = this.#show.value;
    let shown = 0;
    for (const row of this.#rows.values()) {
      const { sensor_id, location, quantity } = row.sensor;
      const found = wanted === '' || `${sensor_id} ${location} ${quantity}`.toLowerCase().includes(wanted);
      const hidden = !found || (show === 'stale' && !row.stale) || (show === 'odd' && !row.words);
      if (row.element.hidden !== hidden) row.element.hidden = hidden;
      if (!hidden) shown++;
    }
    const stale = [...this.#rows.values()].filter(row => row.stale).length;
    setText(this.#count, `${shown} of ${this.#total}${stale > 0 ? `, ${stale} stale` : ''}`);
    setText(
      this.#note,
      this.#total > this.#rows.size ? `The first ${this.#rows.size} are shown; the API has all of them.` : '',
    );
  }
}

/** What has never sent anything is stale only where something is expected of it. */
function isStale({ time, sensor }, now) {
  const interval = sensor.expected_interval_s;
  if (time === undefined) return interval !== null;
  return now - time > (interval === null ? STALE_S : Math.max(interval * STALE_INTERVALS, 3));
}

/** Writes only what differs: the browser lays out again what is written. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function compare(a, b) {
  return a.localeCompare(b, undefined, { numeric: true });
}
