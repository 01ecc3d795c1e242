const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 160;
const HEIGHT = 28;
const HOUR = 3600;

/** A line of an hour without axes; decoration beside the value, which says the same in words. */
export function spark() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(SVG, 'path'));
  return svg;
}

/**
 * Draws points [seconds since 1970, value] of the hour that ends at `now`; a minute without one leaves a gap.
 */
export function drawSpark(svg, points, now) {
  const shown = points.filter(([time]) => time > now - HOUR);
  const values = shown.map(([, value]) => value);
  const least = Math.min(...values);
  const range = Math.max(...values) - least || 1;
  let path = '';
  let before = Number.NEGATIVE_INFINITY;
  for (const [time, value] of shown) {
    const x = (((time - now + HOUR) / HOUR) * WIDTH).toFixed(1);
    const y = (HEIGHT - 2 - ((value - least) / range) * (HEIGHT - 4)).toFixed(1);
    // A point on its own is seen as a dot.
    path += time - before > 150 ? `M${x} ${y}h.1` : `L${x} ${y}`;
    before = time;
  }
  svg.firstChild.setAttribute('d', path);
}
