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
  for (const name of ['line', 'invalid']) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', name);
    svg.append(path);
  }
  return svg;
}

/**
 * Draws points [seconds since 1970, value] of the hour that ends at `now`; a minute without one leaves a gap. What is not
 * valid does not bend the line: it is a dot of its own, at the edge where it is beyond.
 */
export function drawSpark(svg, points, invalid, now) {
  const isShown = ([time]) => time > now - HOUR;
  const shown = points.filter(isShown);
  // Where nothing is valid, as of a sensor that nobody has registered, dots are all there is.
  const values = (shown.length > 0 ? shown : invalid.filter(isShown)).map(([, value]) => value);
  const least = values.length > 0 ? Math.min(...values) : 0;
  const range = (values.length > 0 ? Math.max(...values) - least : 0) || 1;
  const x = time => (((time - now + HOUR) / HOUR) * WIDTH).toFixed(1);
  const y = value => {
    const part = Math.min(1, Math.max(0, (value - least) / range));
    return (HEIGHT - 2 - part * (HEIGHT - 4)).toFixed(1);
  };
  let path = '';
  let before = Number.NEGATIVE_INFINITY;
  for (const [time, value] of shown) {
    // A point on its own is seen as a dot.
    path += time - before > 150 ? `M${x(time)} ${y(value)}h.1` : `L${x(time)} ${y(value)}`;
    before = time;
  }
  svg.firstChild.setAttribute('d', path);
  svg.lastChild.setAttribute(
    'd',
    invalid
      .filter(isShown)
      .map(([t, v]) => `M${x(t)} ${y(v)}h.1`)
      .join(''),
  );
}
