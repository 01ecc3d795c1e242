import { parentPort, workerData } from 'node:worker_threads';
import { LoadLoop } from './load-loop.ts';
import type { LoaderData, ToLoader } from './protocol.ts';

/* The thread in which the loader runs: see `LoadLoop`, and `Loader` for the other side. */

const port = parentPort!;
const loop = new LoadLoop(workerData as LoaderData, message => port.postMessage(message));
port.on('message', (message: ToLoader) => loop.receive(message));
await loop.run();
