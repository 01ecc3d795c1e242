import { measured, moment, number, zone } from './words.js';

const HEIGHT = 420;
const FONT = 13;
/** The line breaks where this many steps are without a point. */
const GAP_STEPS = 2.5;

/** Draws series of /api/v1/history: means as lines, least to greatest as bands, what is not valid as marks. */
export class HistoryChart {
  #place;
  #echarts;
  #chart;
  #onWindow;
  #moved;

  /** @param onWindow hears from and to, in ms, when somebody has zoomed or moved the chart. */
  constructor(place, onWindow) {
    this.#place = place;
    this.#onWindow = onWindow;
    new ResizeObserver(() => this.#chart?.resize()).observe(place);
  }

  /** @param view what is seen: from, to, and whether bands are. */
  async draw(series, { from, to, band }) {
    // A megabyte, which the other pages do without.
    this.#echarts ??= await import('./echarts.esm.min.mjs');
    if (this.#chart === undefined) this.#begin();
    const style = getComputedStyle(document.body);
    const color = name => style.getPropertyValue(`--${name}`).trim();
    const units = [...new Set(series.map(({ unit }) => unit ?? ''))];
    const reduced = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const narrow = this.#place.clientWidth < 600;
    this.#chart.setOption(
      {
        useUTC: zone() === 'utc',
        animation: false,
        textStyle: { fontFamily: style.fontFamily, fontSize: FONT, color: color('quiet') },
        grid: {
          left: 12,
          right: 12 + 52 * Math.max(0, units.length - 2),
          top: 44,
          bottom: 12,
          containLabel: true,
        },
        legend: {
          type: 'scroll',
          top: 0,
          textStyle: { color: color('ink') },
          data: series.map(({ sensor_id }) => sensor_id),
        },
        xAxis: {
          type: 'time',
          min: 2 * from - to,
          max: 2 * to - from,
          axisLine: { lineStyle: { color: color('line') } },
          axisLabel: {
            color: color('quiet'),
            fontSize: FONT,
            hideOverlap: true,
            alignMinLabel: 'left',
            alignMaxLabel: 'right',
          },
          splitNumber: narrow ? 3 : 8,
        },
        yAxis: units.map((unit, at) => ({
          type: 'value',
          scale: true,
          name: unit,
          nameTextStyle: { color: color('ink'), fontSize: FONT },
          position: at === 0 ? 'left' : 'right',
          offset: at > 1 ? 52 * (at - 1) : 0,
          axisLabel: { color: color('quiet'), fontSize: FONT, formatter: value => number(value) },
          splitLine: { show: at === 0, lineStyle: { color: color('line') } },
        })),
        dataZoom: [
          {
            type: 'inside',
            startValue: from,
            endValue: to,
            filterMode: 'none',
            throttle: reduced ? 200 : 50,
            minValueSpan: 10_000,
          },
        ],
        tooltip: {
          trigger: 'axis',
          // Text, not HTML: names are what sensors say they are.
          renderMode: 'richText',
          confine: true,
          backgroundColor: color('card'),
          borderColor: color('line'),
          textStyle: { color: color('ink') },
          axisPointer: {
            type: 'cross',
            label: { backgroundColor: color('accent'), color: color('card'), formatter: pointerText },
          },
          formatter: hits => tooltipText(hits, series),
        },
        series: series.flatMap((one, at) => {
          const tint = color(`series-${(at % 10) + 1}`);
          const yAxisIndex = units.indexOf(one.unit ?? '');
          return [
            ...(band && one.step_s > 0 ? [bandSeries(one, tint, yAxisIndex)] : []),
            lineSeries(one, tint, yAxisIndex, color('quiet')),
            markSeries(one, color('critical'), yAxisIndex),
          ];
        }),
      },
      { notMerge: true },
    );
  }

  /** A picture of what is seen, as a data URL. */
  png() {
    const backgroundColor = getComputedStyle(document.documentElement).getPropertyValue('--card').trim();
    return this.#chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor });
  }

  #begin() {
    this.#chart = this.#echarts.init(this.#place, null, { renderer: 'canvas', height: HEIGHT });
    this.#chart.on('datazoom', () => {
      clearTimeout(this.#moved);
      this.#moved = setTimeout(() => {
        const { startValue, endValue } = this.#chart.getOption().dataZoom[0];
        this.#onWindow(startValue, endValue);
      }, 300);
    });
  }
}

/** Points with an empty one in each gap, so that nothing is drawn where nothing was. */
export function withGaps({ points, step_s, expected_interval_s }) {
  const longest = gapOf(points, step_s, expected_interval_s);
  const rows = [];
  let before = Number.POSITIVE_INFINITY;
  for (const [ms, mean, least, greatest, n] of points) {
    if (ms - before > longest) rows.push([(before + ms) / 2, null, null, null, 0]);
    rows.push([ms, mean, least, greatest, n]);
    before = ms;
  }
  return rows;
}

function gapOf(points, step_s, expected_interval_s) {
  if (step_s > 0 || expected_interval_s !== null)
    return GAP_STEPS * 1000 * Math.max(step_s, expected_interval_s ?? 0);
  // Nobody has said how often it sends: what it does mostly is what it should do.
  const steps = points
    .slice(1)
    .map(([ms], at) => ms - points[at][0])
    .sort((a, b) => a - b);
  return steps.length === 0 ? Number.POSITIVE_INFINITY : 2 * GAP_STEPS * steps[steps.length >> 1];
}

function lineSeries(one, tint, yAxisIndex, quiet) {
  const limits = [
    ['least', one.min_value],
    ['greatest', one.max_value],
  ].filter(([, value]) => value !== null);
  return {
    type: 'line',
    name: one.sensor_id,
    yAxisIndex,
    // A mean stands in the middle of its time.
    data: withGaps(one).map(([ms, mean]) => [ms + one.step_s * 500, mean]),
    showSymbol: one.points.length < 60,
    symbolSize: 4,
    connectNulls: false,
    lineStyle: { width: 1.5, color: tint },
    itemStyle: { color: tint },
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { type: 'dashed', color: tint, opacity: 0.7 },
      label: {
        position: 'insideEndTop',
        color: quiet,
        formatter: ({ name, value }) => `${name} ${measured(value, one.unit)}`,
      },
      data: limits.map(([name, yAxis]) => ({ name, yAxis })),
    },
  };
}

/** An area for each run of points that belong together. */
function bandSeries(one, tint, yAxisIndex) {
  const runs = [[]];
  for (const row of withGaps(one)) {
    if (row[1] === null) runs.push([]);
    else runs.at(-1).push(row);
  }
  const filled = runs.filter(run => run.length > 0);
  const step = one.step_s * 1000;
  return {
    type: 'custom',
    yAxisIndex,
    silent: true,
    tooltip: { show: false },
    data: filled.map(run => [
      run[0][0],
      run.at(-1)[0],
      Math.min(...run.map(([, , least]) => least)),
      Math.max(...run.map(([, , , greatest]) => greatest)),
    ]),
    encode: { x: [0, 1], y: [2, 3] },
    clip: true,
    renderItem: ({ dataIndex, coordSys }, api) => {
      const run = filled[dataIndex];
      const last = run.at(-1);
      const upper = [...run.map(row => api.coord([row[0], row[3]])), api.coord([last[0] + step, last[3]])];
      const lower = [
        ...run.map(row => api.coord([row[0], row[2]])),
        api.coord([last[0] + step, last[2]]),
      ].reverse();
      const { x, y, width, height } = coordSys;
      return {
        type: 'group',
        clipPath: { type: 'rect', shape: { x, y, width, height } },
        children: [
          { type: 'polygon', shape: { points: [...upper, ...lower] }, style: { fill: tint, opacity: 0.18 } },
        ],
      };
    },
  };
}

/** Marks do not bend the axis: what is far beyond the valid values, or only counted, stands at the edge. */
function markSeries(one, critical, yAxisIndex) {
  const least = Math.min(...one.points.map(([, , value]) => value));
  const greatest = Math.max(...one.points.map(([, , , value]) => value));
  const room = (greatest - least) * 0.1 || 1;
  const place = value => {
    if (one.points.length === 0) return value ?? 0;
    return value === null ? least - room : Math.min(Math.max(value, least - room), greatest + room);
  };
  return {
    type: 'scatter',
    yAxisIndex,
    symbol: 'diamond',
    symbolSize: 8,
    itemStyle: { color: critical },
    data: one.marks.map(([ms, value]) => [ms + (value === null ? one.step_s * 500 : 0), place(value)]),
    z: 5,
    name: `${one.sensor_id} `,
  };
}

function pointerText({ value, axisDimension }) {
  return axisDimension === 'x' ? moment(value) : number(value);
}

/** @param hits what ECharts found at the pointer: a line's or the marks' of a sensor. */
function tooltipText(hits, series) {
  const lines = [moment(hits[0].axisValue)];
  for (const { seriesName, value } of hits) {
    const one = series.find(({ sensor_id }) => sensor_id === seriesName);
    if (one !== undefined) lines.push(pointText(one, value[0]));
    const marked = series.find(({ sensor_id }) => `${sensor_id} ` === seriesName);
    if (marked !== undefined) lines.push(markText(marked, value[0]));
  }
  return lines.filter(Boolean).join('\n');
}

function pointText(one, at) {
  const point = one.points.find(([ms]) => ms === at - one.step_s * 500);
  if (point === undefined) return '';
  const [, mean, least, greatest, n] = point;
  const spread = n > 1 ? `, ${number(least)} to ${number(greatest)}, ${n} readings` : '';
  return `${one.sensor_id}: ${measured(mean, one.unit)}${spread}`;
}

function markText(one, at) {
  const mark = one.marks.find(([ms, value]) => ms + (value === null ? one.step_s * 500 : 0) === at);
  if (mark === undefined) return '';
  const [, value, n, quality] = mark;
  return value === null
    ? `${one.sensor_id}: ${n} not valid`
    : `${one.sensor_id}: ${measured(value, one.unit)}, ${quality.replaceAll('_', ' ')}`;
}
