import type { Command } from 'commander';
import { readConfig } from '../../base/config.ts';
import { readEnvironment } from '../../base/environment.ts';
import { untilSignal } from '../run.ts';

export default (command: Command) =>
  command.action(() => {
    // Until there is something to reload, SIGHUP does nothing: the files are about to be read anyway.
    let reload: () => Promise<unknown> = async () => undefined;
    return untilSignal(
      async (config, log, stopped) => {
        const { Collector } = await import('../../collector/collector.ts');
        await using undo = new AsyncDisposableStack();
        const collector = new Collector(config, log, undefined, () => readConfig(readEnvironment()));
        undo.defer(() => collector.stop());
        const http = await collector.start();
        reload = () => collector.reload();
        log.info({ http, raw: config.DATA_DIR }, 'collecting');
        const ended = await Promise.race([stopped, collector.failed]);
        if (ended instanceof Error) throw ended;
        log.info({ signal: ended }, 'stopping');
        await collector.stop();
        log.info('stopped');
      },
      // What is wrong stands in the log.
      { onHangUp: () => void reload().catch(() => undefined) },
    );
  });
