import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartSubscriber } from './subscriber.ts';
import { cpuMicros } from './usage.ts';

/** Whether mosquitto_sub (Debian: mosquitto-clients) is on the PATH. */
export const hasReference = spawnSync('mosquitto_sub', ['--help']).error === undefined;

/** A process that uses no CPU for so long has done its work; ms. */
const IDLE_MS = 200;

// The shell reports what its child has used: of a process that is gone /proc knows nothing. `times` prints the shell's own
// user and system time, and then those of its children.
const script = 'mosquitto_sub -p "$0" -q 1 -t "$1" -C "$2" > /dev/null & echo $!; wait $!; times';
const FILTER = 'sensors/#';

/**
 * `mosquitto_sub -q 1 > /dev/null`: the broker's own client in C, which throws messages away. It ends after the last one.
 * Its figures are what Sluice's are compared with.
 */
export const startReference: StartSubscriber = async (bench, broker, _sensors, messages) => {
  const shell = await bench.programs.start('mosquitto_sub', 'sh', [
    '-c',
    script,
    `${broker.port}`,
    FILTER,
    `${messages}`,
  ]);
  const pid = Number(await shell.nextLine());
  await broker.untilSubscribed(FILTER);
  let used: number | undefined;

  const untilIdle = async () => {
    for (let before = -1, now = await cpuMicros(pid); now !== before; now = await cpuMicros(pid)) {
      before = now;
      await sleep(IDLE_MS, undefined, { signal: bench.signal });
    }
    return Date.now();
  };
  const untilEnded = async () => {
    await shell.nextLine();
    const ended = Date.now();
    used = microsOf(await shell.nextLine());
    return ended;
  };
  return {
    untilDone: done => (done === messages ? untilEnded() : untilIdle()),
    cpuMicros: async () => used ?? cpuMicros(pid),
    peakMegabytes: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      // It waits for a number of messages; if they did not come, it would wait for ever.
      if (used === undefined) shell.kill();
      await shell.ended;
    },
  };
};

/** A line of `times`, such as `0m1.250000s 0m0.480000s`, as µs. */
function microsOf(line: string): number {
  let sum = 0;
  for (const [, minutes, seconds] of line.matchAll(/(\d+)m([\d.]+)s/g))
    sum += (Number(minutes) * 60 + Number(seconds)) * 1e6;
  return sum;
}
