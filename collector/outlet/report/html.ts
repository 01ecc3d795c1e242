/** Text that is HTML already: it comes from `html` or from a chart, never from data. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | undefined | false | Part[];

/** A template of HTML in which every value is escaped, unless it is HTML itself. Lists are joined; nothing stays nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + textOf(parts[i - 1]) + string));
}

function textOf(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  return Array.isArray(part) ? part.map(textOf).join('') : escapeHtml(String(part));
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe between tags and in quoted attributes. A control character is not allowed in HTML; its picture stands for it. */
function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, character => entities[character]!)
    .replaceAll(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, character => {
      const code = character.charCodeAt(0);
      return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
    });
}

/** Text of somebody else, such as a sensor's id: whatever its direction, it does not turn what stands around it. */
export function foreign(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}
