import { type BarSeriesOption, init } from 'echarts';

/** Medians of both sides at one number of sensors. */
export interface Point {
  sensors: number;
  sluice: { rate: number; cpu: number };
  reference: { rate: number; cpu: number };
}

const WIDTH = 900;
const HEIGHT = 380;
const sides = [
  { name: 'Sluice', key: 'sluice', color: '#b7791f' },
  { name: 'mosquitto_sub > /dev/null', key: 'reference', color: '#718096' },
] as const;
const quantities = [
  { title: 'Throughput, messages/s', key: 'rate' },
  { title: 'CPU, µs/message', key: 'cpu' },
] as const;

/** Throughput and CPU against the number of sensors, as an SVG image that is readable on dark pages too. */
export function drawThroughput(points: readonly Point[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const categories = points.map(({ sensors }) => sensors.toLocaleString('en'));
  const text = { fontFamily: 'sans-serif', color: '#1a202c' };
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: text,
    legend: { bottom: 8, itemGap: 40, textStyle: text },
    title: quantities.map(({ title }, index) => ({
      text: title,
      left: index === 0 ? '26%' : '76%',
      top: 12,
      textAlign: 'center',
      textStyle: { ...text, fontSize: 15 },
    })),
    grid: [
      { left: 70, right: '53%', top: 60, bottom: 80 },
      { left: '57%', right: 24, top: 60, bottom: 80 },
    ],
    xAxis: quantities.map((_, gridIndex) => ({
      type: 'category',
      gridIndex,
      data: categories,
      name: 'sensors',
      nameLocation: 'middle',
      nameGap: 28,
      axisLabel: text,
      nameTextStyle: text,
    })),
    yAxis: quantities.map((_, gridIndex) => ({ type: 'value', gridIndex, axisLabel: text })),
    series: quantities.flatMap(({ key }, index) =>
      sides.map(
        (side): BarSeriesOption => ({
          type: 'bar',
          name: side.name,
          xAxisIndex: index,
          yAxisIndex: index,
          itemStyle: { color: side.color },
          data: points.map(point => Number(point[side.key][key].toPrecision(3))),
          label: { show: true, position: 'top', fontSize: 10, color: '#1a202c' },
        }),
      ),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
