import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ObjectStore } from '../../../../base/objects/object-store.ts';
import { REPORTS, ReportArchive } from '../../../../collector/outlet/report/report-archive.ts';
import { configFor } from '../../../harness/pipeline.ts';
import { startSeaweedFs, withoutSeaweedFs } from '../../../harness/seaweedfs.ts';
import { temporaryFolder } from '../../../harness/server.ts';

test.skipIf(withoutSeaweedFs)(
  'reports go into the archive once, also after it was away; what is there stays',
  async () => {
    await using seaweed = await startSeaweedFs();
    await using parent = await temporaryFolder();
    const folder = join(parent.path, 'reports');
    const settings = await seaweed.settings();
    const config = configFor({ ...settings, REPORT_DIR: folder });
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    const stored = async () => {
      using store = await ObjectStore.open(config, settings.ARCHIVE_URL);
      const found: Record<string, string> = {};
      for await (const { key } of store.list(REPORTS))
        found[key] = String(await store.bytes(key, (await store.head(key))!));
      return found;
    };
    const archive = new ReportArchive(config, log);
    await archive.copy();
    mkdirSync(folder);
    writeFileSync(join(folder, '2025-11-12.html'), 'a page');
    writeFileSync(join(folder, '2025-11-12_Acme.pdf'), '%PDF-');
    writeFileSync(join(folder, '2025-11-12.html.123.new'), 'a draft');
    writeFileSync(join(folder, 'notes.txt'), 'of somebody');
    await archive.copy();
    const both = { 'reports/2025-11-12.html': 'a page', 'reports/2025-11-12_Acme.pdf': '%PDF-' };
    expect(await stored()).toEqual(both);
    await seaweed.stop();
    writeFileSync(join(folder, '2025-11-13.html'), 'the next one');
    await archive.copy();
    expect(lines).toEqual(['reports cannot be copied to the archive; it is tried again']);
    await archive.stop();
    await seaweed.start();
    // Another collector that has the same reports: what is there is not written over.
    writeFileSync(join(folder, '2025-11-12.html'), 'made again');
    const other = new ReportArchive(config, log);
    await other.copy();
    expect(await stored()).toEqual({ ...both, 'reports/2025-11-13.html': 'the next one' });
    await other.stop();
  },
);
