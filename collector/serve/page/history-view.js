/** What the history page shows, as its URL says it: sensors, a range of time, and how. */

const HOUR = 3_600_000;
const RANGES = { '1h': HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR };
const SHORTEST_MS = 10_000;
const LONGEST_MS = 100 * 365.25 * 24 * HOUR;

export class HistoryView {
  sensors = [];
  /** A name of RANGES, up to now; undefined: from `from` to `to`. */
  range = '24h';
  from;
  to;
  band = true;

  /** Reads the URL; what makes no sense in it is left out. */
  static read(search) {
    const view = new HistoryView();
    const parameters = new URLSearchParams(search);
    view.sensors = [...new Set(parameters.getAll('sensor'))].slice(0, 10);
    view.band = parameters.get('band') !== 'off';
    const [from, to] = [Date.parse(parameters.get('from')), Date.parse(parameters.get('to'))];
    if (to > from) view.show(from, to);
    else if (parameters.get('range') in RANGES) view.range = parameters.get('range');
    return view;
  }

  /** The query that leads here again. */
  get search() {
    const parameters = new URLSearchParams(this.sensors.map(id => ['sensor', id]));
    if (this.range !== undefined) parameters.set('range', this.range);
    else {
      parameters.set('from', new Date(this.from).toISOString());
      parameters.set('to', new Date(this.to).toISOString());
    }
    if (!this.band) parameters.set('band', 'off');
    return `?${parameters}`;
  }

  /** What is to be seen, in ms since 1970. */
  window(now) {
    return this.range === undefined
      ? { from: this.from, to: this.to }
      : { from: now - RANGES[this.range], to: now };
  }

  /** Shows a range of time that stays where it is. */
  show(from, to) {
    const middle = (from + to) / 2;
    const half = Math.min(Math.max(to - from, SHORTEST_MS), LONGEST_MS) / 2;
    this.range = undefined;
    this.from = Math.round(middle - half);
    this.to = Math.round(middle + half);
  }

  /** Half a window earlier or later, or half or twice as much time. */
  move(how, now) {
    const { from, to } = this.window(now);
    const half = (to - from) / 2;
    if (how === 'earlier') this.show(from - half, to - half);
    else if (how === 'later') this.show(from + half, to + half);
    else if (how === 'in') this.show(from + half / 2, to - half / 2);
    else this.show(from - half, to + half);
  }
}
