import { until } from './eventually.ts';
import { Program } from './program.ts';
import { answers } from './server.ts';

/** A server that a test has for itself, and may stop and start; what it keeps outlives that. */
export interface Restartable extends AsyncDisposable {
  url: string;
  start(): Promise<void>;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
}

interface Server {
  name: string;
  url: string;
  /** Undefined: it is not installed. */
  file: string | undefined;
  args?: string[];
  env?: NodeJS.ProcessEnv;
  /** It is there when it listens on all of these, on 127.0.0.1. */
  ports: number[];
}

/** Starts a server as a process of its own, and waits until it listens. At the end of the scope it is killed. */
export async function startServer(server: Server): Promise<Restartable> {
  const { name, url, file, args = [], env = process.env, ports } = server;
  if (file === undefined) throw new Error(`${name} is not installed; where CI is set it has to be`);
  let program: Program | undefined;
  const start = async () => {
    const starting = await Program.start(name, file, args, { env });
    program = starting;
    await until(`${name} listens`, async () => {
      if (!starting.isRunning) throw await starting.failure();
      return (await Promise.all(ports.map(answers))).every(Boolean);
    });
  };
  const restartable = {
    url,
    start,
    stop: async () => program?.stop(),
    [Symbol.asyncDispose]: async () => program?.[Symbol.asyncDispose](),
  };
  try {
    await start();
  } catch (error) {
    await restartable[Symbol.asyncDispose]();
    throw error;
  }
  return restartable;
}
