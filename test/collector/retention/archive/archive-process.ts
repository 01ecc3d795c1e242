import { readConfig } from '../../../../base/config.ts';
import { Archiver } from '../../../../collector/retention/archive/archiver.ts';
import { silent } from '../../../commands/verify/pipeline.ts';

/* Copies what waits, once, as a process that can be killed. Its argument names the collector. */

const config = readConfig(process.env);
const archiver = new Archiver({ config, url: config.ARCHIVE_URL!, collector: process.argv[2]!, log: silent });
await archiver.run();
process.exit(archiver.failure === undefined ? 0 : 1);
