/* global uPlot */
import { ask } from './api.js';
import { clock, number } from './words.js';

const HOUR = 3600;
/** Means this far apart, in seconds, are not joined by a line. */
const GAP = 150;

/** The last hour of one sensor: means of the minutes with the range of their values, and each reading as it comes. */
export class SensorChart {
  #section = document.getElementById('chart-section');
  #place = document.getElementById('chart');
  #title = document.getElementById('chart-title');
  #text = document.getElementById('chart-text');
  #plot;
  #sensor;
  #means = [];
  #points = [];
  #clock;

  /** @param clock gives seconds since 1970, by the collector's clock. */
  constructor(clock, onClose) {
    this.#clock = clock;
    document.getElementById('chart-close').addEventListener('click', () => {
      this.#sensor = undefined;
      this.#section.hidden = true;
      onClose();
    });
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw(true));
    setInterval(() => this.#draw(), 1000);
  }

  /** The id of the sensor that is shown. */
  get sensorId() {
    return this.#sensor?.sensor_id;
  }

  /** Shows another sensor. */
  async open(sensor) {
    this.#sensor = sensor;
    this.#points = [];
    this.#means = [];
    this.#title.textContent = `${sensor.sensor_id}: the last hour`;
    this.#section.hidden = false;
    this.#draw(true);
    this.#section.scrollIntoView({ block: 'nearest' });
    await this.refresh();
  }

  /** Reads the means again. */
  async refresh() {
    const sensor = this.#sensor;
    if (sensor === undefined) return;
    const from = new Date((this.#clock() - HOUR) * 1000).toISOString();
    const to = new Date((this.#clock() + 60) * 1000).toISOString();
    const id = encodeURIComponent(sensor.sensor_id);
    const means = await ask(`api/v1/sensors/${id}/means?every=1m&from=${from}&to=${to}`);
    if (sensor !== this.#sensor) return;
    this.#means = means.map(({ time, mean, min, max }) => [Date.parse(time) / 1000, mean, min, max]);
    this.#draw();
  }

  /** Takes a reading of the stream. */
  reading({ sensor_id, time, value }) {
    if (sensor_id !== this.sensorId || typeof value !== 'number') return;
    this.#points.push([Date.parse(time) / 1000, value]);
  }

  #draw(anew = false) {
    if (this.#sensor === undefined) return;
    const now = this.#clock();
    this.#points = this.#points.filter(([time]) => time > now - HOUR).slice(-4000);
    if (anew) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(), this.#data(), this.#place);
    }
    this.#plot.setData(this.#data(), false);
    this.#plot.setScale('x', { min: now - HOUR, max: now });
    this.#describe();
  }

  /** Columns: time, mean, least, greatest, reading. A mean stands in the middle of its minute; silence leaves a gap. */
  #data() {
    const rows = this.#points.map(([time, value]) => [time, undefined, undefined, undefined, value]);
    let before = Number.POSITIVE_INFINITY;
    for (const [time, ...mean] of this.#means) {
      if (time - before > GAP) rows.push([before + 60, null, null, null, undefined]);
      rows.push([time + 30, ...mean, undefined]);
      before = time;
    }
    rows.sort(([a], [b]) => a - b);
    return [0, 1, 2, 3, 4].map(column => rows.map(row => row[column]));
  }

  #describe() {
    const values = [
      ...this.#means.flatMap(([, , min, max]) => [min, max]),
      ...this.#points.map(([, value]) => value),
    ];
    const { unit } = this.#sensor;
    const first = Math.min(...this.#means.map(([time]) => time), ...this.#points.map(([time]) => time));
    const text =
      values.length === 0
        ? 'No valid reading in the last hour.'
        : `From ${number(Math.min(...values))} to ${number(Math.max(...values))}${unit ? ` ${unit}` : ''}, since ${clock(first)}.`;
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  #size() {
    return { width: this.#place.clientWidth, height: 260 };
  }

  #options() {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue('--quiet');
    const accent = style.getPropertyValue('--accent');
    const axis = {
      stroke: ink,
      grid: { stroke: style.getPropertyValue('--line'), width: 1 },
      ticks: { show: false },
    };
    const words = (_plot, value) => (value == null ? '–' : number(value));
    return {
      ...this.#size(),
      scales: { x: { auto: false } },
      axes: [
        { ...axis, values: (_plot, ticks) => ticks.map(clock) },
        { ...axis, size: 64, values: (_plot, ticks) => ticks.map(tick => number(tick)) },
      ],
      series: [
        {},
        { label: 'mean', stroke: accent, width: 2, value: words, points: { show: false } },
        { label: 'least', stroke: 'transparent', value: words, points: { show: false } },
        { label: 'greatest', stroke: 'transparent', value: words, points: { show: false } },
        {
          label: 'reading',
          stroke: style.getPropertyValue('--warning'),
          width: 0,
          paths: () => null,
          value: words,
          points: { show: true, size: 3, fill: style.getPropertyValue('--warning') },
        },
      ],
      bands: [{ series: [3, 2], fill: `color-mix(in srgb, ${accent} 22%, transparent)` }],
    };
  }
}
