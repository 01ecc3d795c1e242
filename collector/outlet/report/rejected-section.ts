import { foreign, type Html, html } from './html.ts';
import type { RejectedLines } from './rejected.ts';
import { countOf, countText } from './text.ts';

/** Lines that could not be stored, by reason, with an example that can be found again. */
export function rejectedSection({ count, reasonCount, reasons }: RejectedLines): Html | false {
  if (count === 0) return false;
  const more = reasonCount - reasons.length;
  return html`<section aria-labelledby="rejected">
<h2 id="rejected">Rejected lines</h2>
<p>${countOf(count, 'line')} of raw files could not be stored. They are in <code>silver.rejected_line</code>, and still in the raw files.</p>
<div class="wide" role="region" aria-labelledby="rejected" tabindex="0">
<table>
<caption class="unseen">Rejected lines by reason, the most frequent first</caption>
<thead><tr><th scope="col">Reason</th><th scope="col" class="n">Lines</th><th scope="col" class="n">Sensors</th><th scope="col">Newest: file, byte and line</th></tr></thead>
<tbody>
${reasons.map(
  ({
    reason,
    count,
    sensors,
    path,
    byte_offset,
    line,
  }) => html`<tr><th scope="row">${foreign(reason)}</th><td class="n">${countText(count)}</td><td
 class="n">${countText(sensors)}</td><td class="line"><small>${foreign(path)} at ${byte_offset}</small> <code>${foreign(line)}</code></td></tr>
`,
)}</tbody>
</table>
</div>
${more > 0 && html`<p class="quiet">and ${countOf(more, 'more reason', 'more reasons')}</p>`}
</section>`;
}
