import { expect, test } from 'vitest';
import { Feed } from '../../base/feed.ts';

test('whoever follows hears all, and one that fails ends neither the part nor the others', () => {
  const errors: unknown[] = [];
  const feed = new Feed<number>(error => errors.push(error));
  const heard: number[] = [];
  const broken = new Error('broken');
  feed.follow(() => {
    throw broken;
  });
  const end = feed.follow(event => heard.push(event));
  feed.publish(1);
  end();
  feed.publish(2);
  expect(heard).toEqual([1]);
  expect(errors).toEqual([broken, broken]);
});
