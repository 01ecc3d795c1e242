/** A payload as text, without a byte order mark before it or NULs behind it: some devices send their whole buffer. */
export function plainText(payload: Buffer): string {
  const from = payload[0] === 0xef && payload[1] === 0xbb && payload[2] === 0xbf ? 3 : 0;
  let to = payload.length;
  while (to > from && payload[to - 1] === 0) to--;
  return payload.toString('utf8', from, to);
}
