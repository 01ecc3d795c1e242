import type { Day, SensorDay } from './day.ts';
import { foreign, type Html, html } from './html.ts';
import { countText, minutesText, scoreText } from './text.ts';
import { VERDICTS, verdictBadge, verdictOf } from './verdict.ts';

/** Readings that came and are not valid. */
export function notValid({ out_of_range, unknown, rejected, conflicts }: SensorDay): number {
  return out_of_range + unknown + rejected + conflicts;
}

/** Every sensor in a row, worst first. @param linked the first so many have a card to go to. */
export function sensorTable({ sensors }: Day, linked: number): Html {
  return html`<section aria-labelledby="sensors">
<h2 id="sensors">Sensors, worst first</h2>
<div class="wide" role="region" aria-labelledby="sensors" tabindex="0">
<table>
<caption class="unseen">What came of each sensor, by score, worst first</caption>
<thead><tr><th scope="col">Sensor</th><th scope="col">Verdict</th><th scope="col" class="n">Score</th><th scope="col">By hour</th><th
 scope="col" class="n">Received</th><th scope="col" class="n">Expected</th><th scope="col">Gaps</th><th scope="col" class="n">Not
 valid</th><th scope="col" class="n">Late</th><th scope="col" class="n">Stuck</th><th scope="col" class="n">Jumps</th><th
 scope="col" class="n">Dupli&shy;cates</th></tr></thead>
<tbody>
${sensors.map((sensor, index) => row(sensor, index < linked ? `#s${index + 1}` : undefined))}
</tbody>
</table>
</div>
</section>`;
}

function row(sensor: SensorDay, href: string | undefined): Html {
  const { gaps } = sensor;
  const name = href ? html`<a href="${href}">${foreign(sensor.id)}</a>` : foreign(sensor.id);
  return html`<tr><th scope="row">${name} <small>${about(sensor)}</small></th><td>${verdictBadge(sensor.verdict)}</td><td
 class="n">${scoreText(sensor.score)}</td><td>${hourStrip(sensor)}</td><td class="n">${countText(sensor.received)}</td><td
 class="n">${sensor.expected === null ? html`<span title="No interval is registered">–</span>` : countText(sensor.expected)}</td><td
>${sensor.expected === null ? '–' : gaps.count === 0 ? '0' : html`${countText(gaps.count)} <small>${minutesText(gaps.minutes)}</small>`}</td>${[
    notValid(sensor),
    sensor.late,
    sensor.stuck,
    sensor.jumps,
    sensor.duplicates,
  ].map(n => html`<td class="n${n === 0 && ' zero'}">${countText(n)}</td>`)}</tr>
`;
}

/** What a sensor measures, and where. */
export function about({ isRegistered, quantity, location }: SensorDay): Html | string {
  if (!isRegistered) return 'not registered';
  return html`${quantity && foreign(quantity)}${location && html`, ${foreign(location)}`}`;
}

/** 24 bars, as high as the hour's score; hours of one score are one bar, which keeps a table of many sensors small. */
function hourStrip({ hours }: SensorDay): Html {
  const bars: { from: number; to: number; score: number }[] = [];
  for (const [hour, score] of hours.entries()) {
    if (score === null) continue;
    const last = bars.at(-1);
    if (last?.to === hour && last.score === score) last.to = hour + 1;
    else bars.push({ from: hour, to: hour + 1, score });
  }
  const path = (some: typeof bars) =>
    some.map(({ from, to, score }) => {
      // A score of 0 is seen too, and is something else than no data.
      const height = Math.max(1, Math.round((12 * score) / 100));
      return `M${from * 3} ${12 - height}h${(to - from) * 3}V12h${(from - to) * 3}z`;
    });
  return html`<svg class="strip" viewBox="0 0 72 12" role="img" aria-label="${stripText(bars)}">${VERDICTS.map(
    verdict => {
      const some = bars.filter(({ score }) => verdictOf(score) === verdict);
      return some.length > 0 && html`<path class="${verdict}" d="${path(some).join('')}"/>`;
    },
  )}</svg>`;
}

function stripText(bars: { from: number; to: number; score: number }[]): string {
  const worst = bars.reduce<(typeof bars)[number] | undefined>(
    (least, bar) => (least === undefined || bar.score < least.score ? bar : least),
    undefined,
  );
  if (worst === undefined) return 'no data';
  return `lowest ${scoreText(worst.score)}, from ${worst.from} h to ${worst.to} h`;
}
