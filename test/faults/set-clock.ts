import { readFileSync } from 'node:fs';

/*
 * For `node --import`: a process whose clock can be set while it runs. By how many ms it is ahead (or, negative, behind) stands
 * in the file that FAULTS_CLOCK names. Each thread of the process looks by itself.
 */
const LOOK_MS = 20;

const file = process.env.FAULTS_CLOCK!;
const RealDate = Date;
let aheadMs = 0;

function look(): void {
  aheadMs = Number(readFileSync(file, 'utf8')) || 0;
}

class SetDate extends RealDate {
  constructor(...given: [] | [number]) {
    if (given.length === 0) super(SetDate.now());
    else super(...given);
  }

  static override now(): number {
    return RealDate.now() + aheadMs;
  }
}

look();
setInterval(look, LOOK_MS).unref();
globalThis.Date = SetDate as DateConstructor;
