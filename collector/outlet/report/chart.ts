import { type CustomSeriesOption, type EChartsOption, init, type LineSeriesOption } from 'echarts';
import { MINUTES_A_DAY, type Minute, type SensorDay, type Share } from './day.ts';
import { Html } from './html.ts';
import type { Period } from './periods.ts';
import { numberText } from './text.ts';
import { verdictOf } from './verdict.ts';

/*
 * Charts hold numbers only, no text from outside, and take their colours from style.css, so that they follow its light
 * and dark. Nothing in them needs a script.
 */
const WIDTH = 640;
const HEIGHT = 200;
const grid = { left: 0, right: 0, top: 20, bottom: 22, containLabel: false };
const axisText = { color: 'var(--quiet)', fontSize: 12, fontFamily: 'inherit' };
/** y labels stand on their lines: narrow screens have no room beside the chart. */
const yLabels = {
  ...axisText,
  inside: true as const,
  margin: 0,
  verticalAlign: 'bottom' as const,
  padding: [0, 0, 3, 0],
};
const line = { lineStyle: { color: 'var(--rule)' } };

/**
 * A sensor's day: one-minute means as a line, least to greatest as a band, gaps and what is not valid as areas.
 * @param minutes ascending. Where they are too far apart for the sensor, the line breaks.
 * @param label what it says to those who cannot see it.
 */
export function dayChart(sensor: SensorDay, minutes: readonly Minute[], label: string): Html {
  const runs = runsOf(minutes, sensor.interval);
  return draw(HEIGHT, label, {
    grid,
    xAxis: {
      type: 'value',
      min: 0,
      max: MINUTES_A_DAY,
      interval: 360,
      axisLabel: {
        ...axisText,
        formatter: (minute: number) => `${String(minute / 60).padStart(2, '0')}:00`,
        alignMinLabel: 'left',
        alignMaxLabel: 'right',
      },
      axisLine: { ...line, onZero: false },
      axisTick: { show: true, ...line },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      scale: true,
      splitNumber: 3,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...yLabels, formatter: (value: number) => numberText(value) },
      splitLine: line,
    },
    series: [bandSeries(runs), meanSeries(runs, sensor)],
  });
}

/** Score of all sensors by hour, as bars; an hour in which nothing was due has none. */
export function hoursChart(hours: readonly Share[], label: string): Html {
  return draw(140, label, {
    grid: { ...grid, left: 44 },
    xAxis: {
      type: 'category',
      data: hours.map((_, hour) => String(hour).padStart(2, '0')),
      axisLabel: { ...axisText, interval: 2 },
      axisLine: line,
      axisTick: { show: false },
    },
    yAxis: { type: 'value', min: 0, max: 100, interval: 50, axisLabel: axisText, splitLine: line },
    series: {
      type: 'bar',
      barWidth: '70%',
      data: hours.map(({ valid, due }) => {
        if (due === 0) return null;
        const score = (100 * valid) / due;
        return { value: score, itemStyle: { color: `var(--${verdictOf(score)})` } };
      }),
    },
  });
}

/** Minutes that follow each other closely enough to be drawn as one line: fewer than two readings are missing between. */
function runsOf(minutes: readonly Minute[], interval: number | null): Minute[][] {
  const runs: Minute[][] = [];
  for (const minute of minutes) {
    const empty = minute.minute - (runs.at(-1)?.at(-1)?.minute ?? Number.NEGATIVE_INFINITY) - 1;
    if (empty === 0 || (interval !== null && (empty * 60) / interval < 2)) runs.at(-1)!.push(minute);
    else runs.push([minute]);
  }
  return runs;
}

function bandSeries(runs: Minute[][]): CustomSeriesOption {
  return {
    type: 'custom',
    silent: true,
    // The greatest and the least, so that the axis has room for them.
    data: runs.map(run => [
      run[0]!.minute,
      Math.min(...run.map(m => m.min)),
      Math.max(...run.map(m => m.max)),
    ]),
    encode: { x: 0, y: [1, 2] },
    renderItem: ({ dataIndex }, api) => {
      const run = runs[dataIndex]!;
      // A minute is as wide as it is, also where it stands alone.
      const at = (minute: number, value: number) => api.coord([minute, value]);
      const last = run.at(-1)!;
      const upper = [...run.map(m => at(m.minute, m.max)), at(last.minute + 1, last.max)];
      const lower = [...run.map(m => at(m.minute, m.min)), at(last.minute + 1, last.min)].reverse();
      return { type: 'polygon', shape: { points: [...upper, ...lower] }, style: { fill: 'var(--band)' } };
    },
  };
}

function meanSeries(runs: Minute[][], { gaps, faults }: SensorDay): LineSeriesOption {
  const point = ({ minute, mean }: Minute) => ({ value: [minute + 0.5, mean], symbol: 'none' });
  const alone = ({ minute, mean }: Minute) => ({
    value: [minute + 0.5, mean],
    symbol: 'circle',
    symbolSize: 3,
  });
  return {
    type: 'line',
    silent: true,
    showAllSymbol: true,
    lineStyle: { color: 'var(--line)', width: 1.5 },
    itemStyle: { color: 'var(--line)' },
    data: runs.flatMap(run => [
      ...run.map(run.length === 1 ? alone : point),
      { value: [run.at(-1)!.minute + 0.6, Number.NaN] },
    ]),
    markArea: {
      silent: true,
      data: [...areas(gaps.longest, 'var(--gap)'), ...areas(faults.longest, 'var(--fault)')],
    },
  };
}

function areas(
  periods: Period[],
  color: string,
): NonNullable<NonNullable<LineSeriesOption['markArea']>['data']> {
  return periods.map(({ from, to }) => [{ xAxis: from, itemStyle: { color } }, { xAxis: to }]);
}

function draw(height: number, label: string, option: EChartsOption): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({ animation: false, backgroundColor: 'none', textStyle: axisText, ...option });
    return new Html(slim(chart.renderToSVGString(), height, label));
  } finally {
    chart.dispose();
  }
}

/** Takes away what a printed page has no use for, which is half of it, and tells assistive technology that it is one image. */
function slim(svg: string, height: number, label: string): string {
  // Labels last, above the lines.
  const labels: string[] = [];
  const title = label.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return (
    svg
      .replace(/<svg [^>]*>/, `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`)
      .replace(/<style[\s\S]*?<\/style>/, '')
      // Nothing is drawn outside; and ids would have to differ from one chart to the next.
      .replace(/<defs[\s\S]*?<\/defs>/, '')
      .replaceAll(/ clip-path="[^"]*"/g, '')
      .replaceAll(/ (?:class|pointer-events|ecmeta_\w+|stroke-linejoin|stroke-linecap)="[^"]*"/g, '')
      .replaceAll(/ style="font[^"]*"/g, '')
      .replaceAll(/ (?:d|points)="[^"]*"/g, path => path.replaceAll(/(\.\d)\d+/g, '$1'))
      .replaceAll(/<text.*?<\/text>/g, text => {
        labels.push(text);
        return '';
      })
      .replaceAll(/>\s+</g, '><')
      .replace('</svg>', () => `${labels.join('')}</svg>`)
  );
}
