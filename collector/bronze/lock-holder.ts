import { readFile, readlink, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who has a data folder, as its lock file says. */
export interface Holder {
  pid: number;
  host: string;
  /** When the process began, in the kernel's own ticks: tells it from a later process with the same id. */
  begun: string;
  since: string;
  /** Where process ids mean something: containers may share a host name, and have ids of their own. */
  namespace: string;
  token: string;
}

export const HEARTBEAT_MS = 2000;
/** A holder on another host (or in another container) that has not touched its lock for this long is taken for dead. */
const SILENCE_MS = 4 * HEARTBEAT_MS;

/** This process, as a holder. */
export async function thisHolder(token: string): Promise<Holder> {
  return {
    pid: process.pid,
    host: hostname(),
    begun: await processBegin(process.pid),
    since: new Date().toISOString(),
    namespace: await processNamespace(),
    token,
  };
}

/** Who has the lock; undefined when it has just gone. A lock that a crash left half written names nobody who lives. */
export async function readHolder(lock: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    return { pid: 0, host: '', begun: '', since: 'an unknown time', namespace: '', token: 'torn' };
  }
}

/**
 * Whether a holder lives. On the same host its process tells; elsewhere (containers that share a volume have process ids of
 * their own) only its heartbeat does, and one that is *silent* may be frozen, and wake.
 */
export async function stateOf(lock: string, holder: Holder): Promise<'alive' | 'dead' | 'silent'> {
  if (holder.host === hostname() && holder.namespace === (await processNamespace())) {
    const begun = await processBegin(holder.pid);
    return begun === holder.begun && begun !== '' ? 'alive' : 'dead';
  }
  const mtimeMs = (await stat(lock).catch(() => undefined))?.mtimeMs;
  if (mtimeMs === undefined) return 'silent';
  const deadline = performance.now() + SILENCE_MS;
  while (performance.now() < deadline) {
    await sleep(HEARTBEAT_MS / 4);
    const touched = await stat(lock).catch(() => undefined);
    if (touched === undefined) return 'silent';
    if (touched.mtimeMs !== mtimeMs) return 'alive';
  }
  // Nobody lives under the id 0: the lock is torn.
  return holder.pid === 0 ? 'dead' : 'silent';
}

/** The process namespace and the boot that we live in; '' where there is no /proc. */
async function processNamespace(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${await readlink('/proc/self/ns/pid')} ${boot.trim()}`;
  } catch {
    return '';
  }
}

/** When a process began; '' when there is none. Where there is no /proc, 'alive' has to do. */
async function processBegin(pid: number): Promise<string> {
  try {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').pop()?.split(' ');
    // proc(5): field 22 is the start time; two are before the split, and counting begins at 1. A zombie is dead.
    return fields?.[0] === 'Z' ? '' : (fields?.[19] ?? '');
  } catch {
    if (process.platform === 'linux') return '';
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : '';
    }
  }
}
