import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decoding } from '../decoding.ts';

const decode = decoding('topics: [{filter: "#", format: influx}]');

// Lines of the InfluxDB documentation ("Line protocol").
test('measurement, tags, fields and a time in nanoseconds', () => {
  expect(
    decode('x', 'myMeasurement,tag1=value1,tag2=value2 fieldKey="fieldValue" 1556813561098000000'),
  ).toEqual([]);
  expect(decode('x', 'weather,location=us-midwest temperature=82,humidity=71i 1465839830100400200')).toEqual([
    'weather/us-midwest/temperature 82 2016-06-13T17:43:50.100400Z',
    'weather/us-midwest/humidity 71 2016-06-13T17:43:50.100400Z',
  ]);
  expect(decode('x', 'weather temperature=82')).toEqual(['weather/temperature 82 now']);
});

test('escapes in measurement, tags and fields; texts with what would end them', () => {
  expect(
    decode(
      'x',
      String.raw`my\ Measurement,tag\ Key=tag\,value\=1 field\ Key=1.5,text="a, b=\"c\" \\ d",last=2u`,
    ),
  ).toEqual(['my Measurement/tag,value=1/field Key 1.5 now', 'my Measurement/tag,value=1/last 2 now']);
  expect(decode('x', 'm text="two\nlines",a=1\nm b=2')).toEqual(['m/a 1 now', 'm/b 2 now']);
  expect(decode('x', 'm,t=🌡 a=-1.5e-3\r\n# a comment\n\nm a=1i 1\n')).toEqual([
    'm/🌡/a -0.0015 now',
    'm/a dt is before 2000 1970-01-01T00:00:00.000000Z'.replace('.000000Z', 'Z'),
  ]);
});

test('tags in the id or as they are named, booleans by a map, times in another unit', () => {
  const named = decoding(
    `topics: [{filter: "{site}/#", format: influx, sensor: "{site}/{tag.host}/{measurement}.{path}", precision: s, map: {"true": 1}}]`,
  );
  expect(named('hq/x', 'cpu,host=a,cpu=cpu0 idle=99,up=t,down=f 1556813561')).toEqual([
    'hq/a/cpu.idle 99 2019-05-02T16:12:41Z',
    'hq/a/cpu.up 1 2019-05-02T16:12:41Z',
  ]);
  expect(named('hq/x', 'cpu idle=99')).toBe('the message lacks what its id is made of');
});

test('a line that is wrong costs only itself', () => {
  expect(decode('x', 'm a=1\nm\nm a=x\nm,t a=1\nm,t= a=1\nm a=1 soon\nm a="open\nm b=2')).toEqual([
    'm/a 1 now',
    ' line protocol without fields now',
    ' line protocol with a field that is neither number, boolean nor text now',
    ' line protocol with a tag without a value now',
    ' line protocol with a tag without a value now',
    ' line protocol with a time that is not a whole number now',
    ' line protocol with a field that is neither number, boolean nor text now',
  ]);
  expect(decode('x', ',a=b c=1')).toBe('line protocol without a measurement');
  expect(decode('x', '')).toEqual([]);
});

test('whatever is escaped comes back', () => {
  const word = fc
    .stringMatching(/^[ -~ä€]{1,12}$/)
    .filter(text => !text.endsWith('\\') && !text.startsWith('#') && text.trim() === text);
  const escaped = (text: string) => text.replace(/[,= \\]/g, '\\$&');
  fc.assert(
    fc.property(
      word,
      word,
      word,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (measurement, tag, field, value) => {
        const id = [measurement, ...tag.split('/').filter(level => level !== ''), field].join('/');
        expect(decode('x', `${escaped(measurement)},t=${escaped(tag)} ${escaped(field)}=${value}`)).toEqual([
          `${id} ${value} now`,
        ]);
      },
    ),
  );
});

test('no text makes it throw', () => {
  const pieces = fc.constantFrom('m', ',', '=', ' ', '"', '\\', '\n', '1', 't', 'i', '#');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), parts => {
      expect(decode('x', parts.join(''))).toBeDefined();
    }),
  );
});
