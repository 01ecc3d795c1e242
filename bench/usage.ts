import { readFile } from 'node:fs/promises';

/** proc(5) counts CPU time in clock ticks, of which Linux shows 100 a second to user space, whatever its own rate. */
const TICK_MICROS = 10_000;

/** CPU time of a process since it began, all threads, user and system; in µs, in steps of 10 ms. */
export async function cpuMicros(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name of the program, in brackets, may hold anything; fields 14 and 15 are utime and stime, from 1.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

/** Memory of a process that is resident: now, and the most it ever was. In MB (10⁶ bytes). */
export async function residentMegabytes(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]);
  return { now: (kilobytes('VmRSS') * 1024) / 1e6, peak: (kilobytes('VmHWM') * 1024) / 1e6 };
}
