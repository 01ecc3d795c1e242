const separators = /\/[./]|[./]/g;
/** What a separator of a subject is in a topic; a slash by itself is an empty level. */
const meanings: Record<string, string> = { '//': '.', '/.': '/', '.': '/', '/': '' };

/**
 * The MQTT topic that NATS's MQTT server makes a subject of: levels are separated by dots, an empty level is a slash, and
 * a dot within a level is two slashes. `sensors.1` is `sensors/1`, `/.a` is `/a`, `a./` is `a/`, `a//b` is `a.b`.
 */
export function topicOfSubject(subject: string): string {
  return subject.replace(separators, text => meanings[text]!);
}
