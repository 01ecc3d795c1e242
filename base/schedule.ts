import { Cron } from 'croner';

const MINUTE_MS = 60_000;
/** A timer may end this much too early. */
const EARLY_MS = 1000;

/** Something that is done again and again, until it is stopped. */
export interface Schedule {
  stop(): void;
}

/**
 * Calls `work` at one second of each minute. It needs no calendar, so neither a zone nor a night on which the clocks
 * change matters to it; after a jump of the clock it is right again within a minute.
 * @param work must not throw, and may take as long as it likes: it is not waited for.
 */
export function everyMinute(second: number, work: () => unknown): Schedule {
  let timer: NodeJS.Timeout;
  const arm = () => {
    const since = (Date.now() - second * 1000) % MINUTE_MS;
    const left = MINUTE_MS - since;
    timer = setTimeout(tick, left < EARLY_MS ? left + MINUTE_MS : left);
  };
  const tick = () => {
    arm();
    work();
  };
  arm();
  return { stop: () => clearTimeout(timer) };
}

/**
 * Calls `work` when a cron expression says so, by the UTC calendar, in which each day has each minute once. What was due
 * while the machine slept is done when it wakes; after a jump of the clock, its new time counts.
 * @param work must not throw, and is not waited for.
 */
export function onCron(expression: string, work: () => unknown): Schedule {
  const times = cronOf(expression);
  let timer: NodeJS.Timeout;
  let due: number | undefined;
  const arm = () => {
    due = times.nextRun()?.getTime();
    // It may be due by now: between the two looks at the clock it has gone on, or was set ahead.
    const left = Math.max(0, (due ?? Number.POSITIVE_INFINITY) - Date.now());
    timer = setTimeout(tick, Math.min(MINUTE_MS, left));
  };
  const tick = () => {
    const isDue = due !== undefined && Date.now() >= due;
    arm();
    if (isDue) work();
  };
  arm();
  return { stop: () => clearTimeout(timer) };
}

/** Whether a text is a cron expression of 5 fields, or of 6 with seconds first, in numbers, and names a time that comes. */
export function isCron(text: string): boolean {
  if (!/^(?:[\d*/,-]+ +){4,5}[\d*/,-]+$/.test(text)) return false;
  try {
    return cronOf(text).nextRun() !== null;
  } catch {
    return false;
  }
}

/** Only its calendar: its own timers would not look at the clock again. @throws for what is not an expression. */
function cronOf(expression: string): Cron {
  return new Cron(expression, { timezone: 'UTC', paused: true });
}
