import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Restartable, startServer } from './restartable.ts';
import { freePort, temporaryFolder } from './server.ts';

const program = ['prometheus-alertmanager', 'alertmanager'].find(
  path => spawnSync(path, ['--version']).error === undefined,
);

/** Whether tests leave Alertmanager out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutAlertmanager = program === undefined && process.env.CI === undefined;

/** Starts an Alertmanager on a free port of 127.0.0.1 that tells nobody. */
export async function startAlertmanager(): Promise<Restartable> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const port = await freePort();
  const file = join(folder.path, 'alertmanager.yml');
  await writeFile(file, 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n');
  const server = await startServer({
    name: 'Alertmanager',
    url: `http://127.0.0.1:${port}`,
    file: program,
    args: [
      `--config.file=${file}`,
      `--storage.path=${join(folder.path, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    ports: [port],
  });
  stack.use(server);
  const kept = stack.move();
  return { ...server, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
