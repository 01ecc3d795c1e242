import { dayChart } from './chart.ts';
import type { Minute, SensorDay } from './day.ts';
import { foreign, type Html, html } from './html.ts';
import type { Period, Periods } from './periods.ts';
import { about, notValid } from './sensor-table.ts';
import { countOf, countText, minutesText, numberText, scoreText, timeText } from './text.ts';
import { verdictBadge } from './verdict.ts';

/** A sensor's part of the page. Made one by one, so that the minutes of one sensor only are in memory. */
export interface SensorCard {
  html: Html;
}

/** More are not read by anybody. */
const LISTED = 6;

/** @param place from 1, worst first. */
export function sensorCard(sensor: SensorDay, minutes: Minute[], place: number): SensorCard {
  const heading = `s${place}`;
  return {
    html: html`<article aria-labelledby="${heading}">
<header><h3 id="${heading}">${foreign(sensor.id)}</h3>${verdictBadge(sensor.verdict)}<b class="score">${scoreText(sensor.score)}</b></header>
<p class="quiet">${about(sensor)}; ${amounts(sensor)}</p>
${chart(sensor, minutes)}
${list('Gaps', sensor.gaps, gapText)}
${list('Not valid', sensor.faults, faultText)}
</article>
`,
  };
}

function amounts(sensor: SensorDay): string {
  const { received, expected, late, stuck, jumps, duplicates } = sensor;
  const parts = [
    expected === null
      ? `${countText(received)} received, no interval registered`
      : `${countText(received)} of ${countText(expected)} received`,
    notValid(sensor) > 0 && `${countText(notValid(sensor))} not valid`,
    late > 0 && `${countText(late)} late`,
    stuck > 0 && `${countText(stuck)} stuck`,
    jumps > 0 && countOf(jumps, 'jump'),
    duplicates > 0 && countOf(duplicates, 'duplicate'),
  ];
  return parts.filter(Boolean).join(', ');
}

function chart(sensor: SensorDay, minutes: Minute[]): Html {
  if (minutes.length === 0) return html`<p class="nochart">No valid reading to draw.</p>`;
  const unit = sensor.unit ? ` ${sensor.unit}` : '';
  const least = Math.min(...minutes.map(({ min }) => min));
  const greatest = Math.max(...minutes.map(({ max }) => max));
  const span = `${numberText(least)} to ${numberText(greatest)}`;
  // The label has no unit and no name: charts hold nothing from outside.
  const label = `One-minute means from ${timeText(minutes[0]!.minute)} to ${timeText(minutes.at(-1)!.minute + 1)}, values ${span}, ${countOf(sensor.gaps.count, 'gap')}`;
  return html`<figure>${dayChart(sensor, minutes, label)}<figcaption>${span}<bdi>${unit}</bdi></figcaption></figure>`;
}

function list(
  title: string,
  { count, minutes, longest }: Periods,
  textOf: (period: Period) => string,
): Html | false {
  if (count === 0) return false;
  const shown = longest.slice(0, LISTED);
  const more = count - shown.length;
  return html`<h4>${title} <small>${countText(count)}, ${minutesText(minutes)} in all</small></h4>
<ul>${shown.map(period => html`<li>${textOf(period)}</li>`)}${more > 0 && html`<li class="quiet">and ${countText(more)} shorter</li>`}</ul>`;
}

function spanText({ from, to }: Period): string {
  return `${timeText(from)}–${timeText(to)}`;
}

function gapText(gap: Period): string {
  return `${spanText(gap)}, ${minutesText(gap.to - gap.from)}: ${countOf(gap.readings, 'reading')} missing`;
}

function faultText(fault: Period): string {
  const { out_of_range, unknown, rejected, conflicts } = fault;
  const kinds = [
    out_of_range > 0 && `${countText(out_of_range)} out of range`,
    unknown > 0 && `${countText(unknown)} while not registered`,
    rejected > 0 && `${countText(rejected)} rejected`,
    conflicts > 0 && countOf(conflicts, 'conflict'),
  ];
  return `${spanText(fault)}: ${kinds.filter(Boolean).join(', ')}`;
}
