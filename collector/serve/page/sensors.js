import { now } from './frame.js';
import { drawSpark, spark } from './spark.js';
import { duration, number, setText } from './words.js';

/** Without an expected interval a sensor is stale after this long. */
const STALE_S = 300;
/** A sensor is stale after this many of its intervals. */
const STALE_INTERVALS = 3;
/** Dots of what is not valid, of each sensor. */
const MOST_INVALID = 60;
const FLAGS = {
  out_of_range: 'out of range',
  unknown_sensor: 'not registered',
};

/** The table of sensors: rows are made once, and only what has changed is written. */
export class SensorTable {
  #body = document.querySelector('#sensors tbody');
  #note = document.getElementById('sensors-note');
  #none = document.getElementById('sensors-none');
  #count = document.getElementById('sensors-count');
  #find = document.getElementById('find');
  #show = document.getElementById('show');
  #rows = new Map();
  #changed = new Set();
  #total = 0;
  /** Sensors of the stream that the table has no row for. */
  #unknown = new Set();

  constructor() {
    for (const control of [this.#find, this.#show]) control.addEventListener('input', () => this.#filter());
    setInterval(() => this.#paint(), 1000);
  }

  /** Whether a sensor has sent something that the overview should have by now. */
  get lacks() {
    return this.#unknown.size > 0 && this.#total <= this.#rows.size;
  }

  /** Takes the overview: which sensors there are, with scores and means. Others are gone. */
  update({ sensors, total }) {
    this.#total = total;
    this.#unknown.clear();
    const gone = new Set(this.#rows.keys());
    for (const sensor of sensors) {
      gone.delete(sensor.sensor_id);
      const row = this.#rows.get(sensor.sensor_id) ?? this.#add(sensor);
      const time = sensor.time === null ? undefined : Date.parse(sensor.time) / 1000;
      row.sensor = sensor;
      row.means = sensor.spark;
      // The database has the last word on a reading, and the stream on a newer one.
      if (time !== undefined && !(row.time > time)) this.#take(row, time, sensor.value, sensor);
      this.#changed.add(row);
    }
    for (const id of gone) {
      this.#rows.get(id).element.remove();
      this.#rows.delete(id);
    }
    this.#paint();
  }

  /** Takes a reading of the stream. */
  reading({ sensor_id, time, value, quality, late, jump }) {
    const row = this.#rows.get(sensor_id);
    if (row === undefined) {
      this.#unknown.add(sensor_id);
      return;
    }
    const seconds = Date.parse(time) / 1000;
    if (isInvalid(quality)) row.invalid = [...row.invalid, [seconds, value]].slice(-MOST_INVALID);
    this.#changed.add(row);
    if (row.time > seconds) {
      // It changes nothing that is shown, but that it came so late.
      if (late) row.lateAt = now() / 1000;
      return;
    }
    this.#take(row, seconds, value, { quality, late, jump, stuck: row.value === value && row.flags.stuck });
  }

  /** Takes a mean of the stream. */
  mean({ sensor_id, bucket, val_mean }) {
    const row = this.#rows.get(sensor_id);
    if (row === undefined) return;
    const seconds = Date.parse(bucket) / 1000;
    row.means = row.means.filter(([time]) => time !== seconds && time > now() / 1000 - 3700);
    row.means.push([seconds, val_mean]);
    row.means.sort(([a], [b]) => a - b);
    this.#changed.add(row);
  }

  #take(row, time, value, flags) {
    row.fresh = row.time !== undefined && row.value !== value;
    row.time = time;
    row.value = value;
    row.flags = flags;
  }

  #add(sensor) {
    const element = document.createElement('tr');
    element.dataset.sensor = sensor.sensor_id;
    element.innerHTML =
      '<th scope="row"><a></a><span class="badges"></span></th><td class="place"></td>' +
      '<td class="number value"><b></b><small></small></td><td class="age"></td><td class="number score"><span></span><span class="verdict"></span></td><td class="spark"></td>';
    const link = element.querySelector('a');
    link.textContent = sensor.sensor_id;
    link.href = `history?sensor=${encodeURIComponent(sensor.sensor_id)}`;
    const line = spark();
    element.querySelector('td.spark').append(line);
    const row = {
      element,
      line,
      sensor,
      means: [],
      invalid: [],
      flags: {},
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
    const seconds = now() / 1000;
    for (const row of this.#changed) this.#write(row, seconds);
    this.#changed.clear();
    for (const row of this.#rows.values()) {
      setText(row.age, row.time === undefined ? 'never' : duration(seconds - row.time));
      const stale = isStale(row, seconds);
      if (row.stale === stale) continue;
      row.stale = stale;
      row.element.classList.toggle('stale', stale);
      this.#badges(row);
    }
    this.#filter();
  }

  #write(row, seconds) {
    const { sensor } = row;
    setText(row.place, sensor.location ?? '');
    setText(row.number, row.value === undefined ? '–' : number(row.value));
    setText(row.unit, sensor.unit ?? '');
    if (row.fresh) {
      row.fresh = false;
      row.number.classList.remove('fresh');
      requestAnimationFrame(() => row.number.classList.add('fresh'));
    }
    const { score, verdict } = sensor;
    setText(row.score.firstChild, score === null ? '–' : String(score));
    setText(row.score.lastChild, verdict === null ? '' : ` ${verdict}`);
    row.score.className = `number score ${verdict ?? ''}`;
    this.#badges(row);
    const isValid = row.time !== undefined && !isInvalid(row.flags.quality);
    drawSpark(row.line, [...row.means, ...(isValid ? [[row.time, row.value]] : [])], row.invalid, seconds);
  }

  #badges(row) {
    const { quality, late, stuck, jump } = row.flags;
    const isLate = late || row.lateAt > now() / 1000 - 60;
    const words = [
      row.stale && 'stale',
      FLAGS[quality],
      isLate && 'late',
      stuck && 'stuck',
      jump && 'jump',
    ].filter(Boolean);
    if (row.words === words.join()) return;
    row.words = words.join();
    // That nobody has registered it says nothing about its values.
    row.element.classList.toggle('invalid', quality === 'out_of_range');
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
      const found =
        wanted === '' || `${sensor_id} ${location ?? ''} ${quantity ?? ''}`.toLowerCase().includes(wanted);
      const hidden = !found || (show === 'stale' && !row.stale) || (show === 'odd' && !row.words);
      if (row.element.hidden !== hidden) row.element.hidden = hidden;
      if (!hidden) shown++;
    }
    const stale = [...this.#rows.values()].filter(row => row.stale).length;
    setText(this.#count, `${shown} of ${this.#total}${stale > 0 ? `, ${stale} stale` : ''}`);
    setText(this.#none, shown > 0 ? '' : emptyText(this.#rows.size, wanted));
    setText(
      this.#note,
      this.#total > this.#rows.size ? `The first ${this.#rows.size} are shown; the API has all of them.` : '',
    );
  }
}

function emptyText(rows, wanted) {
  if (rows === 0) return 'No sensor is registered, and none has sent anything yet.';
  return wanted === '' ? 'None of the sensors is like that at present.' : `No sensor matches “${wanted}”.`;
}

/** Not judged yet is not invalid. */
function isInvalid(quality) {
  return quality === 'out_of_range' || quality === 'unknown_sensor';
}

/** What has never sent anything is stale only where something is expected of it. */
function isStale({ time, sensor }, seconds) {
  const interval = sensor.expected_interval_s;
  if (time === undefined) return interval !== null;
  return seconds - time > (interval === null ? STALE_S : Math.max(interval * STALE_INTERVALS, 3));
}

function compare(a, b) {
  return a.localeCompare(b, undefined, { numeric: true });
}
