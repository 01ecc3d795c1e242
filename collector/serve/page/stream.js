import { open } from './api.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** The collector sends at least a comment every 15 seconds. */
const SILENCE_MS = 40_000;

/**
 * Reads the stream of events for ever; after a lost connection it tries again, with growing waits.
 *
 * EventSource cannot send a token, and does not notice a connection on which nothing comes any more.
 * @param on functions by name of the event, and `state`, which hears "live" or "lost".
 */
export async function listen(path, on) {
  let wait = FIRST_WAIT_MS;
  for (;;) {
    const silence = new AbortController();
    try {
      const response = await open(path, silence.signal);
      on.state('live');
      wait = FIRST_WAIT_MS;
      await read(response.body, silence, on);
    } catch {
      // Whatever it was: the connection is gone.
    }
    on.state('lost');
    await new Promise(resolve => setTimeout(resolve, wait));
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
  }
}

async function read(body, silence, on) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const { value, done } = await reader.read();
    clearTimeout(timer);
    if (done) return;
    text += value;
    const end = text.lastIndexOf('\n\n');
    if (end < 0) continue;
    for (const event of text.slice(0, end).split('\n\n')) dispatch(event, on);
    text = text.slice(end + 2);
  }
}

function dispatch(text, on) {
  let name;
  let data;
  for (const line of text.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    else if (line.startsWith('data: ')) data = line.slice(6);
  }
  if (data !== undefined) on[name]?.(JSON.parse(data));
}
