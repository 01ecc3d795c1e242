import { hoursChart } from './chart.ts';
import type { Counts, Day, SensorDay, Share } from './day.ts';
import { type Html, html } from './html.ts';
import { countOf, countText, scoreText } from './text.ts';
import { VERDICTS, verdictBadge, verdictOf } from './verdict.ts';

/** The day in a few figures, for all sensors together. */
export function summary({ sensors, hours }: Day): Html {
  const sum = (name: keyof Counts) => sensors.reduce((total, sensor) => total + sensor[name], 0);
  const expecting = sensors.filter(sensor => sensor.expected !== null);
  const expected = expecting.reduce((total, sensor) => total + sensor.expected!, 0);
  const score = scoreOf(hours);
  const gaps = sensors.reduce((total, sensor) => total + sensor.gaps.count, 0);
  return html`<section aria-labelledby="summary">
<h2 id="summary">All sensors together</h2>
<div class="head">
<div class="score">
<p class="figure">${scoreText(score)}</p><p>score ${verdictBadge(verdictOf(score))}</p>
${verdictBar(sensors)}
</div>
<figure>${hoursChart(hours, hoursText(hours))}<figcaption>Score by hour (UTC)</figcaption></figure>
</div>
<dl class="tiles">
${tile('Sensors', countText(sensors.length), registered(sensors))}
${tile('Received', countText(sum('received')))}
${tile('Expected', countText(expected), expecting.length < sensors.length && `of ${countOf(expecting.length, 'sensor')}`)}
${tile('Gaps', countText(gaps), `at ${countOf(sensors.filter(sensor => sensor.gaps.count > 0).length, 'sensor')}`)}
${tile('Out of range', countText(sum('out_of_range')))}
${tile('Not registered', countText(sum('unknown')), 'readings')}
${tile('Rejected', countText(sum('rejected')), 'by the database')}
${tile('Late', countText(sum('late')))}
${tile('Stuck', countText(sum('stuck')))}
${tile('Jumps', countText(sum('jumps')))}
${tile('Duplicates', countText(sum('duplicates')), 'stored once')}
${tile('Conflicts', countText(sum('conflicts')), 'two values, one time')}
</dl>
</section>`;
}

function tile(name: string, figure: string, more?: string | false): Html {
  return html`<div><dt>${name}</dt><dd>${figure}${more && html` <small>${more}</small>`}</dd></div>`;
}

function registered(sensors: SensorDay[]): string {
  const strangers = sensors.filter(({ isRegistered }) => !isRegistered).length;
  return strangers === 0 ? 'all registered' : `${countText(strangers)} not registered`;
}

/** How many sensors have which verdict, as a bar and in words. */
function verdictBar(sensors: SensorDay[]): Html {
  const counts = VERDICTS.map(verdict => ({
    verdict,
    n: sensors.filter(sensor => sensor.verdict === verdict).length,
  })).filter(({ n }) => n > 0);
  return html`<div class="bar" aria-hidden="true">${counts.map(({ verdict, n }) => html`<i class="${verdict}" style="flex-grow:${n}"></i>`)}</div>
<ul class="verdicts">${counts.map(({ verdict, n }) => html`<li><b>${countText(n)}</b> ${verdictBadge(verdict)}</li>`)}</ul>`;
}

/** By the least: the score of the sums would hide what is missing here behind what is too much there. */
export function scoreOf(hours: Share[]): number | null {
  const due = hours.reduce((sum, hour) => sum + hour.due, 0);
  const valid = hours.reduce((sum, hour) => sum + hour.valid, 0);
  return due === 0 ? null : (100 * valid) / due;
}

function hoursText(hours: Share[]): string {
  const scores = hours.map(({ valid, due }, hour) => ({
    hour,
    score: due === 0 ? null : (100 * valid) / due,
  }));
  const told = scores.map(
    ({ hour, score }) => `${hour} h ${score === null ? 'nothing due' : scoreText(score)}`,
  );
  return `Score of all sensors by hour: ${told.join(', ')}`;
}
