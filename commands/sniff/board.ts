import { inWords, shown } from './message.ts';
import type { SeenTopic, SeenTopics } from './seen-topics.ts';

const HEADINGS = ['topic', 'msg/s', 'bytes', 'QoS', 'kept', 'last payload', 'what it makes'];
/** Moves to the upper left corner, and clears what is below: the table stays where it is. */
const HOME = '\x1b[H\x1b[J';

/** The table that refreshes on a terminal. @param now µs since 1970. */
export function board(topics: SeenTopics, now: number, columns: number, rows: number): string {
  const all = topics.all.sort((a, b) => (a.topic < b.topic ? -1 : 1));
  const fitting = all.slice(0, Math.max(1, rows - 4));
  const cells = fitting.map(seen => cellsOf(seen, now));
  const widths = HEADINGS.map((heading, at) =>
    Math.min(
      at === 0 ? 44 : at === 5 ? 34 : 200,
      Math.max(heading.length, ...cells.map(row => row[at]!.length)),
    ),
  );
  const line = (row: readonly string[]) =>
    cut(
      row
        .map((cell, at) => cut(cell, widths[at]!).padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
      columns,
    );
  const hidden = all.length - fitting.length + (topics.others > 0 ? 1 : 0);
  const foot =
    hidden > 0 ? `… and ${hidden} more topics; a narrower filter shows them` : `${all.length} topics`;
  return `${HOME}${[line(HEADINGS), ...cells.map(line), '', cut(`${foot}. Ctrl-C ends it.`, columns)].join('\n')}\n`;
}

function cellsOf({ topic, messages, first, last, verdict, bytes }: SeenTopic, now: number): string[] {
  const seconds = Math.max(1, (now - first) / 1e6);
  return [
    topic.replaceAll(/\p{Cc}/gu, '?'),
    (messages / seconds).toFixed(messages / seconds < 10 ? 1 : 0),
    String(Math.round(bytes / messages)),
    String(last.qos),
    last.retain ? 'yes' : '',
    shown(last.payload, 34),
    inWords(verdict),
  ];
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, Math.max(0, most - 1))}…` : text;
}
