import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { topicsJsonSchema } from '../../../collector/payload/topics-schema.ts';

test('the schema that editors complete a topics file by is that of the code (npm run docs)', () => {
  const path = join(import.meta.dirname, '../../../docs/devices/topics.schema.json');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(topicsJsonSchema());
});
