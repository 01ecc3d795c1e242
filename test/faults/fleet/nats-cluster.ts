import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../harness/eventually.ts';
import { natsProgram } from '../../harness/nats.ts';
import { Program } from '../../harness/program.ts';
import { answers, freePort } from '../../harness/server.ts';
import { TcpProxy } from '../proxy.ts';

/** One server of the cluster, and the proxy through which collectors reach it. */
export interface NatsNode {
  port: number;
  proxy: TcpProxy;
  start(): Promise<void>;
  kill(): Promise<void>;
}

/** A cluster of NATS servers with JetStream, each of which can be killed and started again with what it had stored. */
export class NatsCluster implements AsyncDisposable {
  readonly nodes: readonly NatsNode[];
  readonly #undo: AsyncDisposableStack;

  private constructor(nodes: readonly NatsNode[], undo: AsyncDisposableStack) {
    this.nodes = nodes;
    this.#undo = undo;
  }

  /** @param folder where the servers store messages and write their logs. */
  static async start(folder: string, size: number): Promise<NatsCluster> {
    await using stack = new AsyncDisposableStack();
    const routes = await Promise.all(Array.from({ length: size }, freePort));
    const nodes: NatsNode[] = [];
    for (const [index, route] of routes.entries()) {
      const port = await freePort();
      const proxy = stack.use(await TcpProxy.start(port));
      const file = join(folder, `nats-${index}.conf`);
      await writeFile(file, configurationOf({ folder, index, port, route, routes, advertised: proxy.port }));
      const node = nodeOf(file, port, proxy);
      stack.defer(() => node.kill());
      nodes.push(node);
    }
    await Promise.all(nodes.map(node => node.start()));
    return new NatsCluster(nodes, stack.move());
  }

  /** Past the proxies. */
  get urls(): string[] {
    return this.nodes.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  /** Through the proxies. */
  get proxied(): string {
    return this.nodes.map(({ proxy }) => `nats://127.0.0.1:${proxy.port}`).join(',');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

interface Place {
  folder: string;
  index: number;
  port: number;
  route: number;
  /** Of all servers. */
  routes: number[];
  /** The port that clients are told. */
  advertised: number;
}

function configurationOf({ folder, index, port, route, routes, advertised }: Place): string {
  const store = JSON.stringify(join(folder, `nats-${index}`));
  return `${[
    `server_name: node${index}`,
    `listen: 127.0.0.1:${port}`,
    `client_advertise: "127.0.0.1:${advertised}"`,
    `jetstream { store_dir: ${store} }`,
    `log_file: ${JSON.stringify(join(folder, `nats-${index}.log`))}`,
    'cluster {',
    '  name: sluice',
    `  listen: 127.0.0.1:${route}`,
    `  routes: [${routes.map(other => `"nats://127.0.0.1:${other}"`).join(', ')}]`,
    '}',
  ].join('\n')}\n`;
}

function nodeOf(file: string, port: number, proxy: TcpProxy): NatsNode {
  let server: Program | undefined;
  return {
    port,
    proxy,
    start: async () => {
      const starting = await Program.start('nats-server', natsProgram!, ['-c', file], { env: process.env });
      server = starting;
      await until('NATS listens', async () => {
        if (!starting.isRunning) throw await starting.failure();
        return answers(port);
      });
    },
    kill: async () => {
      server?.kill();
      await server?.ended;
    },
  };
}
