import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';
import type { Publication, Published } from './publisher.ts';

const program = fileURLToPath(new URL('./publisher.ts', import.meta.url));

/** A publisher that is connected and has its packets encoded. */
export interface ReadyPublisher {
  /** Publishes; resolves when the broker has acknowledged everything. */
  publish(): Promise<Published>;
}

/** Starts a publisher and waits until it is ready. The process ends by itself. */
export async function preparePublisher(bench: Bench, publication: Publication): Promise<ReadyPublisher> {
  const publisher = await bench.programs.start('publisher', process.execPath, [
    program,
    JSON.stringify(publication),
  ]);
  await publisher.nextLine();
  return {
    publish: async () => {
      publisher.tell('go');
      const published = JSON.parse(await publisher.nextLine()) as Published;
      await publisher.succeed();
      return published;
    },
  };
}
