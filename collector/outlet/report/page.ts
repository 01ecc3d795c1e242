import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Day, MINUTES_A_DAY } from './day.ts';
import { foreign, Html, html } from './html.ts';
import { rejectedSection } from './rejected-section.ts';
import type { SensorCard } from './sensor-card.ts';
import { sensorTable } from './sensor-table.ts';
import { summary } from './summary.ts';
import { countOf, countText, dateText, timeText } from './text.ts';

const css = readFileSync(join(import.meta.dirname, 'style.css'), 'utf8');

/**
 * The report of a day as one HTML page that needs nothing else: no script, no font, no image from anywhere.
 * @param cards of the sensors that have a chart, worst first. @param of whose sensors they are; empty: all.
 */
export function reportPage(day: Day, cards: SensorCard[], of = ''): string {
  const title = `Data quality${of === '' ? '' : ` of ${of}`}, ${dateText(day.date)}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Html(css)}</style>
</head>
<body>
<header>
<p class="brand">Sluice <span>Data quality report${of !== '' && html`: ${foreign(of)}`}</span></p>
<h1><time datetime="${day.date}">${dateText(day.date)}</time></h1>
<p class="quiet">A day in UTC. Read from the database on ${day.readAt.replace('T', ' at ').replace('Z', ' UTC')}.</p>
${notes(day).map(note => html`<p class="note">${note}</p>`)}
</header>
<main>
${day.sensors.length === 0 ? nothing(day) : sections(day, cards)}
</main>
<footer>${legend}</footer>
</body>
</html>
`.text;
}

function sections(day: Day, cards: SensorCard[]): Html {
  const withCharts =
    cards.length < day.sensors.length ? `The ${countText(cards.length)} worst sensors` : 'Each sensor';
  return html`${summary(day)}
${sensorTable(day, cards.length)}
${
  cards.length > 0 &&
  html`<section aria-labelledby="charts">
<h2 id="charts">${withCharts}</h2>
<p class="key" aria-hidden="true"><span class="k-line">mean of each minute</span><span class="k-band">least to greatest</span><span
 class="k-gap">gap</span><span class="k-fault">readings that are not valid</span></p>
<div class="cards">${cards.map(card => card.html)}</div>
</section>`
}
${rejectedSection(day.rejected)}
${unheard(day)}`;
}

/** What makes the figures less than final. */
function notes({ countedMinutes, staleMinutes, readAt, date }: Day): string[] {
  // Of the day that goes on, some minute is always stale.
  if (readAt.startsWith(date)) return [`The day is not over: it is ${readAt.slice(11, 16)} UTC.`];
  const notes: string[] = [];
  if (countedMinutes === 0) notes.push('Minutes in which nothing came are not counted yet.');
  else if (countedMinutes < MINUTES_A_DAY) {
    notes.push(`Minutes in which nothing came are counted up to ${timeText(countedMinutes)} only.`);
  }
  if (staleMinutes > 0) {
    notes.push(
      `Readings came since the last refresh: the next one counts ${countOf(staleMinutes, 'minute')} of a sensor anew.`,
    );
  }
  return notes;
}

function nothing(day: Day): Html {
  return html`<section class="empty">
<h2>No data</h2>
<p>The database has nothing of this day: no sensor sent a reading.</p>
</section>
${rejectedSection(day.rejected)}
${unheard(day)}`;
}

function unheard({ unheard: { count, ids } }: Day): Html | false {
  if (count === 0) return false;
  const more = count - ids.length;
  return html`<section aria-labelledby="unheard">
<h2 id="unheard">Registered, and not heard of</h2>
<p>${countOf(count, 'sensor')} ${count === 1 ? 'is' : 'are'} registered, and nothing of ${count === 1 ? 'it' : 'them'} came or was expected on this day.</p>
<ul class="names">${ids.map(id => html`<li>${foreign(id)}</li>`)}${more > 0 && html`<li>and ${countText(more)} more</li>`}</ul>
</section>`;
}

const legend = html`<section aria-labelledby="legend">
<h2 id="legend">How to read this</h2>
<dl class="legend">
<div><dt>Score</dt><dd>0 to 100: valid readings, of those that were expected or (where more came) that came. Duplicates do not count.</dd></div>
<div><dt>Verdict</dt><dd><b>Good</b> is a score over 95, <b>warning</b> 80 to 95, <b>critical</b> below 80.</dd></div>
<div><dt>Expected</dt><dd>By the interval that is registered for the sensor; without one nothing is expected, and gaps are not known.</dd></div>
<div><dt>Gap</dt><dd>Minutes in a row in which nothing came though at least two readings were due.</dd></div>
<div><dt>Not valid</dt><dd>Out of the registered range, of a sensor that is not registered, refused by the database, or a second value for the same time.</dd></div>
<div><dt>Late, stuck, jump</dt><dd>Stored, but odd: came after much newer readings; repeated one value for too long; changed faster than is plausible.</dd></div>
<div><dt>Duplicate</dt><dd>Came again with the same value, and is stored once.</dd></div>
</dl>
</section>`;
