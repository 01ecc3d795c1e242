/** Fixed words for what may be wrong with a collector that records: for alerts and metrics. */
export const REASONS = [
  'broker_away',
  'broker_grants_less',
  'database_away',
  'refresh_late',
  'raw_files_unreadable',
  'mostly_rejected',
  'clock_wrong',
  'clock_unsynchronized',
  'reload_refused',
  'verify_differs',
  'archive_behind',
  'lake_behind',
  'outlet_away',
  'receiver_away',
  'report_unsent',
] as const;

export type ReasonName = (typeof REASONS)[number];

/** Why the collector is not as it should be, although it records. */
export interface Reason {
  name: ReasonName;
  /** What is wrong and what to do, for a person. */
  message: string;
}

/**
 * Where parts say what is wrong with them. A part hands in a look at itself; nobody keeps a state twice.
 *
 * Only what a person should know of belongs here. That nothing can be recorded is more than a reason: see /ready.
 */
export class Health {
  readonly #looks = new Map<ReasonName, () => string | undefined>();

  /**
   * Adds something to look at.
   * @param name a second one of the same name takes its place.
   * @param look the message while something is wrong, else undefined. Quick; what it throws becomes the message.
   */
  watch(name: ReasonName, look: () => string | undefined): void {
    this.#looks.set(name, look);
  }

  /** What is wrong at this moment; nothing, where all is well. */
  reasons(): Reason[] {
    const reasons: Reason[] = [];
    for (const [name, look] of this.#looks) {
      const message = messageOf(look);
      if (message !== undefined) reasons.push({ name, message });
    }
    return reasons;
  }
}

/** A part that cannot look at itself is a reason as well, and must not hide the others. */
function messageOf(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch (error) {
    return `cannot tell: ${(error as Error).message}`;
  }
}
