import { expect, test } from 'vitest';
import { loadNats } from '../../../../collector/source/jetstream/nats-client.ts';
import { topicOfSubject } from '../../../../collector/source/jetstream/topic.ts';
import { eventually } from '../../../harness/eventually.ts';
import { publish } from '../../../harness/mqtt.ts';
import { startNats, withoutNats } from '../../../harness/nats.ts';

const topics = ['a', 'a/b', '/', '/a', 'a/', '//', 'a//b', '/a//b/', 'a///b', 'ä/ö', 'a/b_c-d'];

test.skipIf(withoutNats)('a topic comes out of the subject that NATS makes of it', async () => {
  await using server = await startNats();
  const { connect } = await loadNats();
  const connection = await connect({ servers: server.natsUrl });
  const subjects: string[] = [];
  const all = connection.subscribe('>', {
    callback: (_error, { subject }) => {
      if (!subject.startsWith('$')) subjects.push(subject);
    },
  });
  await connection.flush();
  await publish(
    server.url,
    topics.map(topic => ({ topic, payload: '1' })),
  );
  await eventually(() => expect(subjects).toHaveLength(topics.length));
  all.unsubscribe();
  await connection.close();
  expect(subjects.map(topicOfSubject)).toEqual(topics);
});

test('a dot within a level is two slashes in the subject', () => {
  expect(topicOfSubject('a//b.c')).toBe('a.b/c');
});
