import type { LateMark } from './late-marks.ts';

/** The marks beside the file of an hour, by sensor: which of its lines are late is said by nothing else. */
export class SensorMarks {
  /** In the order of their bytes, which is also that of their times. */
  readonly #bySensor = new Map<string, LateMark[]>();

  constructor(marks: Iterable<LateMark> = []) {
    for (const mark of marks) this.add(mark);
  }

  add(mark: LateMark): void {
    const { sensor = '' } = mark;
    const list = this.#bySensor.get(sensor);
    if (list === undefined) this.#bySensor.set(sensor, [mark]);
    else list.push(mark);
  }

  /** The newest second (since 1970) that had been recorded of a sensor before its line at `offset`, as far as marks say; -1 where none does. */
  newestBefore(sensorId: string, offset: number): number {
    if (this.#bySensor.size === 0) return -1;
    return this.#bySensor.get(sensorId)?.findLast(({ from }) => from <= offset)?.newest ?? -1;
  }
}
