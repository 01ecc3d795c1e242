import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '../../base/config.ts';
import { errorText, PortTakenError } from '../../base/errors.ts';
import { isLocked } from '../../collector/bronze/data-folder.ts';
import { demandPorts } from '../up/ports.ts';
import { Findings } from './finding.ts';

const LEAST_FREE_BYTES = 1e9;
const FSYNCS = 11;
/** An fsync that takes longer limits how many groups a second can be acknowledged. */
const SLOW_FSYNC_MS = 50;
/** No reading that Sluice takes is older; a clock that says so was never set. */
const BUILT = Date.UTC(2025, 0, 1);

/** Whether the data folder can be written to, how much room there is, how long an fsync takes, and whether its names know case. */
export async function checkDisk({ DATA_DIR: folder }: Config): Promise<Findings> {
  const findings = new Findings('disk');
  const probe = join(folder, `.check-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true });
    await mkdir(probe);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const room = `${(free / 1e9).toFixed(1)} GB free in ${folder}`;
    if (free < LEAST_FREE_BYTES) findings.advise(room, 'make room: a full disk stops recording');
    else findings.ok(room);
    const ms = await fsyncMs(join(probe, 'fsync'));
    const speed = `an fsync takes ${ms.toFixed(1)} ms`;
    if (ms > SLOW_FSYNC_MS) findings.advise(speed, 'a faster disk acknowledges sooner');
    else findings.ok(speed);
    await writeFile(join(probe, 'case'), '');
    const ignoresCase = await stat(join(probe, 'CASE')).then(
      () => true,
      () => false,
    );
    if (ignoresCase)
      findings.ok('file names ignore case: of ids that differ by case only, one has a plain name');
    else findings.ok('file names know case');
  } catch (error) {
    findings.fail(errorText(error), 'set DATA_DIR to a folder that this user can write to');
  } finally {
    await rm(probe, { recursive: true, force: true }).catch(() => undefined);
  }
  return findings;
}

/** The median of some fsyncs of a few kB. */
async function fsyncMs(path: string): Promise<number> {
  await using file = await open(path, 'w');
  const took: number[] = [];
  for (let n = 0; n < FSYNCS; n++) {
    await file.write(Buffer.alloc(4096));
    const begun = performance.now();
    await file.datasync();
    took.push(performance.now() - begun);
  }
  return took.sort((a, b) => a - b)[Math.floor(FSYNCS / 2)]!;
}

/** Whether the clock is set, and follows a time server where the system tells. */
export async function checkClock(): Promise<Findings> {
  const findings = new Findings('clock');
  const now = new Date();
  if (now.getTime() < BUILT) {
    findings.fail(
      `it says ${now.toISOString()}`,
      'set it: readings of today would be taken for ones of the future',
    );
    return findings;
  }
  const synchronised = await promisify(execFile)('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'])
    .then(({ stdout }) => stdout.trim())
    .catch(() => '');
  if (synchronised === 'no') {
    findings.advise(
      `it says ${now.toISOString()}, and follows no time server`,
      'let it: `timedatectl set-ntp true`',
    );
  } else {
    const how =
      synchronised === 'yes'
        ? 'follows a time server'
        : 'the system does not tell whether it follows a time server';
    findings.ok(`it says ${now.toISOString()}; ${how}`);
  }
  return findings;
}

/** Whether the ports can be listened on; while a collector runs in the data folder they are its own. */
export async function checkPorts(config: Config): Promise<Findings> {
  const findings = new Findings('ports');
  if (await isLocked(config.DATA_DIR).catch(() => false)) {
    findings.ok(`a collector runs in ${config.DATA_DIR}, so they are its own`);
    return findings;
  }
  try {
    await demandPorts(config);
    findings.ok('all that would be listened on are free');
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
    for (const line of error.message.split('\n').filter(line => line.includes('port '))) {
      const [what, todo] = line.trim().split('. Set ');
      findings.fail(what!, `set ${todo?.replace(/\.$/, '')}`);
    }
  }
  return findings;
}
