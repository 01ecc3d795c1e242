import { randomBytes } from 'node:crypto';
import type { Config } from '../../base/config.ts';
import { errorText } from '../../base/errors.ts';
import { ObjectStoreError } from '../../base/objects/error.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { Findings } from './finding.ts';

/** What is written to try it out; it goes afterwards. */
const BYTES = Buffer.from('written by `sluice check`\n');

/** Whether the bucket of the archive can be reached, listed and written to, and whether it proves what it holds. */
export async function checkArchive(config: Config, url: string): Promise<Findings> {
  const findings = new Findings('archive');
  using store = await ObjectStore.open(config, url);
  const key = `check-${randomBytes(6).toString('hex')}`;
  try {
    await store.list().next();
    findings.ok(`${store.url('')} can be listed`);
    await store.writeBytes(key, BYTES, { ifNoneMatch: '*' });
    findings.ok('takes objects, and checks their SHA-256');
    await checkChecksum(store, key, findings);
    await checkCondition(store, key, findings);
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error;
    findings.fail(error.message);
    return findings;
  }
  await store.delete(key).catch(error => {
    findings.advise(errorText(error), `remove ${store.url(key)} by hand; a collector removes nothing`);
  });
  return findings;
}

async function checkChecksum(store: ObjectStore, key: string, findings: Findings): Promise<void> {
  const head = await store.head(key);
  if (head?.checksum !== undefined) findings.ok('says the SHA-256 of what it holds');
  else {
    findings.advise(
      'does not say the SHA-256 of what it holds',
      'nothing: each object is read back after it is written, and again before its file is removed',
    );
  }
}

/** Whether it keeps an object that is there. */
async function checkCondition(store: ObjectStore, key: string, findings: Findings): Promise<void> {
  const refused = await store.writeBytes(key, BYTES, { ifNoneMatch: '*' }).then(
    () => false,
    error => error instanceof ObjectStoreError && error.status === 412,
  );
  if (refused) findings.ok('refuses to write over an object that is there');
  else {
    findings.advise(
      'writes over an object that is there although it is asked not to',
      'let no two collectors have a copy of the same data folder',
    );
  }
}
