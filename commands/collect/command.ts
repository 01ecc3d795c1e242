import type { Command } from 'commander';
import { untilSignal } from '../run.ts';

export default (command: Command) =>
  command.action(() =>
    untilSignal(async (config, log, stopped) => {
      const { Collector } = await import('../../collector/collector.ts');
      await using undo = new AsyncDisposableStack();
      const collector = new Collector(config, log);
      undo.defer(() => collector.stop());
      const http = await collector.start();
      log.info({ http, raw: config.DATA_DIR }, 'collecting');
      const ended = await Promise.race([stopped, collector.failed]);
      if (ended instanceof Error) throw ended;
      log.info({ signal: ended }, 'stopping');
    }),
  );
