import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foreign, Html, html } from '../../../../collector/outlet/report/html.ts';

/** What a browser makes of escaped text. */
const unescaped = (text: string) =>
  text.replaceAll(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]!,
  );

test('values are escaped, HTML is not, lists are joined, and nothing is nothing', () => {
  const evil = `<script>alert("x")</script> & 'y'`;
  expect(html`<p title="${evil}">${evil}</p>`.text).toBe(
    '<p title="&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;">&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;</p>',
  );
  expect(
    html`${new Html('<b>')}${html`<i>${1}</i>`}${['<', [html`<u>`]]}${null}${undefined}${false}${0}`.text,
  ).toBe('<b><i>1</i>&lt;<u>0');
  expect(foreign('\u202egnp.exe').text).toBe('<bdi>\u202egnp.exe</bdi>');
});

test('whatever the text is, it comes back as it was and closes no quote and no tag', () => {
  const printable = fc.string({ unit: 'grapheme' }).filter(text => !/[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(text));
  fc.assert(
    fc.property(printable, text => {
      const escaped = html`${text}`.text;
      expect(escaped).not.toMatch(/[<>"']/);
      expect(unescaped(escaped)).toBe(text);
    }),
  );
});

test('control characters become pictures of themselves', () => {
  expect(html`a\0b${'\0\x1b[31m\x7f\x85\n\t'}`.text).toBe('a\0b\u2400\u241b[31m\u2421\ufffd\n\t');
});
