import type { Day, SensorDay } from './day.ts';
import { foreign, type Html, html } from './html.ts';
import { scoreOf } from './summary.ts';
import { countOf, countText, dateText, scoreText } from './text.ts';
import { VERDICTS, verdictOf } from './verdict.ts';

/** So many sensors are named in the mail itself, the worst ones. */
const NAMED = 10;

/** One line: `Data quality of Acme, Wednesday, 12 November 2025: 1 of 12 sensors critical`. */
export function subjectOf(day: Day, name: string): string {
  const { sensors, date } = day;
  const worst = VERDICTS.find(verdict => sensors.some(sensor => sensor.verdict === verdict));
  const n = sensors.filter(sensor => sensor.verdict === worst).length;
  const of = name === '' ? '' : ` of ${name}`;
  const state =
    sensors.length === 0
      ? 'no data'
      : worst === undefined || worst === 'good'
        ? 'all good'
        : `${countText(n)} of ${countOf(sensors.length, 'sensor')} ${worst}`;
  return `Data quality${of}, ${dateText(date)}: ${state}`;
}

const CELL = 'padding:4px 8px;text-align:left;border-bottom:1px solid #ccc';

/** What stands in the mail: the day in a few figures, and the worst sensors. The whole of it is attached. */
export function mailPage(day: Day, name: string): string {
  const { sensors, date } = day;
  const worst = sensors.filter(({ verdict }) => verdict !== 'good').slice(0, NAMED);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subjectOf(day, name)}</title></head>
<body style="font-family:sans-serif;color:#222;max-width:640px">
<h1 style="font-size:20px">${dateText(date)}${name !== '' && html`: ${foreign(name)}`}</h1>
<p>${line(day)}</p>
${worst.length > 0 && table(worst)}
<p style="color:#666">A day in UTC. The whole report is attached.</p>
</body></html>
`.text;
}

/** The same for who reads no HTML. */
export function mailText(day: Day, name: string): string {
  const worst = day.sensors.filter(({ verdict }) => verdict !== 'good').slice(0, NAMED);
  const lines = worst.map(
    sensor => `- ${sensor.id}: ${sensor.verdict ?? 'no data'}, score ${scoreText(sensor.score)}`,
  );
  return `${[subjectOf(day, name), line(day), ...lines, 'A day in UTC. The whole report is attached.'].join('\n')}\n`;
}

function line({ sensors, hours }: Day): string {
  const score = scoreOf(hours);
  const gaps = sensors.reduce((sum, sensor) => sum + sensor.gaps.count, 0);
  const received = sensors.reduce((sum, sensor) => sum + sensor.received, 0);
  return `${countOf(sensors.length, 'sensor')}, score ${scoreText(score)} (${verdictOf(score) ?? 'no data'}), ${countText(received)} readings received, ${countOf(gaps, 'gap')}.`;
}

function table(sensors: readonly SensorDay[]): Html {
  const head = ['Sensor', 'Verdict', 'Score', 'Received', 'Expected', 'Gaps'];
  return html`<table style="border-collapse:collapse;font-size:14px"><thead><tr>${head.map(text => html`<th style="${CELL}">${text}</th>`)}</tr></thead>
<tbody>${sensors.map(
    sensor => html`<tr><td style="${CELL}">${foreign(sensor.id)}</td><td style="${CELL}">${sensor.verdict ?? 'no data'}</td><td
 style="${CELL}">${scoreText(sensor.score)}</td><td style="${CELL}">${countText(sensor.received)}</td><td style="${CELL}">${
   sensor.expected === null ? '–' : countText(sensor.expected)
 }</td><td style="${CELL}">${countText(sensor.gaps.count)}</td></tr>`,
  )}</tbody></table>`;
}
