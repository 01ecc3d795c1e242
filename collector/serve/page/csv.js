/** What a chart shows, as CSV that is safe to open in a spreadsheet. */
export function csvOf(series) {
  const lines = ['time,sensor_id,val_mean,val_min,val_max,n,quality'];
  for (const { sensor_id, points, marks } of series) {
    const id = cell(sensor_id);
    for (const [ms, mean, least, greatest, n] of points) {
      lines.push([new Date(ms).toISOString(), id, mean, least, greatest, n, 'valid'].join());
    }
    for (const [ms, value, n, quality] of marks) {
      lines.push([new Date(ms).toISOString(), id, value, value, value, n, quality ?? 'not valid'].join());
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Text that a spreadsheet neither runs nor cuts apart. */
function cell(text) {
  const neutral = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(neutral) ? `"${neutral.replaceAll('"', '""')}"` : neutral;
}
