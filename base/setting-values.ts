import { z } from 'zod';

// What the text of a setting may be: each schema turns it into a value, or says what it must be.

export const text = z.string();

export function whole(min: number, max: number) {
  const must = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, must)
    .transform(Number)
    .refine(n => n >= min && n <= max, must);
}

export function oneOf<const T extends readonly string[]>(...values: T) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

export function url(...protocols: string[]) {
  const must = `must be a URL that begins with ${protocols.map(p => `${p}//`).join(' or ')}, with a host, and a port up to 65535 if any`;
  return text.refine(value => {
    const parsed = URL.parse(value);
    if (parsed === null || !protocols.includes(parsed.protocol) || parsed.hostname === '') return false;
    try {
      // A user name or password with a % that is not an escape would fail at each connection.
      decodeURIComponent(parsed.username + parsed.password);
      return true;
    } catch {
      return false;
    }
  }, must);
}

export const flag = oneOf('on', 'off').transform(value => value === 'on');

export const timezone = text.refine(zone => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}, 'must be a time zone of the IANA database, such as UTC or Europe/Berlin');

// [MQTT-4.7.1-1], [MQTT-4.7.1-2]: "#" stands last and alone in its level, "+" alone in its level.
const topicFilter = /^(?:[^#+\0]*|\+)(?:\/(?:[^#+\0/]*|\+))*(?:(?:^|\/)#)?$/;
/** Whether a text is a topic filter of MQTT. */
export function isTopicFilter(filter: string): boolean {
  return filter !== '' && topicFilter.test(filter);
}

export const topics = text
  .transform(value => value.split(',').map(topic => topic.trim()))
  .refine(
    list => list.every(isTopicFilter),
    'must be MQTT topic filters separated by commas, such as sensors/#,site/+/temperature',
  );

export const natsName = text.regex(
  /^[A-Za-z0-9_-]{1,64}$/,
  'must be 1 to 64 letters, digits, underscores or hyphens',
);

// Of buckets S3's own rules hold; of a prefix the characters that it calls safe.
export const bucketUrl = text.regex(
  /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[A-Za-z0-9!_.*'()/=-]*)?$/,
  'must name a bucket, and a prefix in it where it is not all ours, such as s3://bucket/sluice',
);

const isAddress = (value: string) => /^[^\s@,;<>"\\]+@[^\s@,;<>"\\]+$/.test(value);

export const address = text.refine(isAddress, 'must be a mail address, such as sluice@example.com');

export const addresses = text
  .transform(value => value.split(',').map(part => part.trim()))
  .refine(
    list => list.every(isAddress),
    'must be mail addresses separated by commas, such as ops@example.com',
  );

/** A time of day, with its time zone where that is not UTC: `08:00 Europe/Berlin`. */
export const timeOfDay = text.transform((value, context) => {
  const [, hour, minute, zone = 'UTC'] = /^([01]?\d|2[0-3]):([0-5]\d)(?:\s+(\S+))?$/.exec(value) ?? [];
  if (hour !== undefined && timezone.safeParse(zone).success)
    return { hour: Number(hour), minute: Number(minute), zone };
  context.addIssue(
    'must be a time of day, with a time zone where it is not UTC, such as 08:00 or 08:00 Europe/Berlin',
  );
  return z.NEVER;
});

/** `name=value` pairs with commas between them; values may be percent-encoded, as OpenTelemetry has it. */
export const headers = text.transform((value, context) => {
  const pairs = value.split(',').map(pair => /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(pair));
  try {
    if (pairs.every(pair => pair !== null))
      return Object.fromEntries(pairs.map(pair => [pair[1]!, decodeURIComponent(pair[2]!)]));
  } catch {
    // A % that is no escape.
  }
  context.addIssue('must be name=value, separated by commas, such as authorization=Bearer%20TOKEN');
  return z.NEVER;
});
