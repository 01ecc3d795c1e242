import type { Verdict } from './day.ts';
import { Html, html } from './html.ts';

/** Worst first. */
export const VERDICTS: readonly Verdict[] = ['critical', 'warning', 'good'];

/** Shapes that differ as well as their colours do. */
const shapes: Record<Verdict, string> = {
  good: '<circle cx="6" cy="6" r="5"/>',
  warning: '<path d="M6 .8 11.6 11H.4z"/>',
  critical: '<path d="M6 0 12 6 6 12 0 6z"/>',
};

/** A verdict as a word with its colour and shape. */
export function verdictBadge(verdict: Verdict | null): Html {
  if (verdict === null) return html`<span class="verdict">no data</span>`;
  const shape = new Html(shapes[verdict]);
  return html`<span class="verdict ${verdict}"><svg viewBox="0 0 12 12" aria-hidden="true">${shape}</svg>${verdict}</span>`;
}

/** As gold.quality_verdict does. */
export function verdictOf(score: number): Verdict;
export function verdictOf(score: number | null): Verdict | null;
export function verdictOf(score: number | null): Verdict | null {
  if (score === null) return null;
  return score > 95 ? 'good' : score >= 80 ? 'warning' : 'critical';
}
