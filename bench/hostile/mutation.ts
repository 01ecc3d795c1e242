/** Makes inputs that are meant to hurt out of ones that are meant well; the same ones for the same seed. */
export class Mutation {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A seed with runs of something put in, bytes changed, and parts said again; as long as may be, now and then. */
  of(seeds: readonly Buffer[], most: number): Buffer {
    // A character is a byte, whatever it means.
    let text = seeds[this.#below(seeds.length)]!.toString('latin1');
    for (let change = this.#below(4); change >= 0; change--) {
      const at = this.#below(text.length + 1);
      const room = Math.max(1, most - text.length);
      const piece =
        this.#below(4) === 0 ? text.slice(at, at + 1 + this.#below(40)) : pieces[this.#below(pieces.length)]!;
      const length = this.#below(3) === 0 ? room : 1 + this.#below(Math.min(room, 4000));
      text =
        text.slice(0, at) +
        piece.repeat(Math.ceil(length / Math.max(1, piece.length))) +
        text.slice(at + this.#below(3));
    }
    return Buffer.from(text, 'latin1').subarray(0, most);
  }

  /** A whole number below `n`. */
  #below(n: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * n);
  }
}

const texts = [
  ...' \t\n10.-+:ex"\\[]{},\0Z/#$=|;~%\r',
  ...[
    '\r\n',
    ' 1',
    '[1,',
    '{"a":',
    '"a":',
    'a,',
    'a=',
    'a.',
    '//',
    '😀',
    'é',
    '\ufeff',
    '1e',
    '0x',
    '$,',
    '{"v":1},',
  ],
];
/** Bytes of what is no text: tags and lengths of protocol buffers. */
const bytes = ['\xff', '\x80', '\x12', '\x12\x00', '\x12\x02\x08\x01', '\x0a\x01', '\x1a\x7f'];
const pieces = [...texts.map(text => Buffer.from(text).toString('latin1')), ...bytes];
