import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FILE_MODE } from '../bronze/append-file.ts';
import { jsonOf, type Message } from './message.ts';

/** What a receiver has refused, a line of JSON each, in `outlets/NAME.dead.jsonl` of the data folder. */
export class DeadLetters {
  readonly file: string;

  constructor(dataDir: string, outlet: string) {
    this.file = join(dataDir, 'outlets', `${outlet}.dead.jsonl`);
  }

  /** Resolves when the message is on disk. @throws errors of the disk: the message is sent again. */
  async add(message: Message, reason: string): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true });
    await using file = await open(this.file, 'a', FILE_MODE);
    const at = new Date().toISOString();
    await file.appendFile(`{"at":"${at}","reason":${JSON.stringify(reason)},"message":${jsonOf(message)}}\n`);
    await file.sync();
  }
}
