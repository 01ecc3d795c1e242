import { ask, every } from './api.js';
import { setZone, zone } from './words.js';

const STATUS_MS = 2000;

const connection = document.getElementById('connection');
const reasons = document.getElementById('reasons');
const states = { live: 'Live', lost: 'Connection lost. Trying again…' };

/** Server's clock minus ours, in ms. */
let offset = 0;

/** Milliseconds since 1970, by the collector's clock. */
export function now() {
  return Date.now() + offset;
}

/** Shows whether the collector answers: "live" or "lost". */
export function setState(state) {
  if (connection.dataset.state === state) return;
  connection.dataset.state = state;
  connection.textContent = states[state];
}

/**
 * What every page has: the link to itself, the choice of the zone, and what is wrong with the collector.
 * @param page its name. @param on `status` hears /api/v1/status every two seconds; `zone` that another zone was chosen;
 * `ownState` set where the page says by itself whether it is connected.
 */
export function startFrame(page, on = {}) {
  document.querySelector(`nav [data-page="${page}"]`).setAttribute('aria-current', 'page');
  const choice = document.getElementById('zone');
  choice.value = zone();
  choice.addEventListener('change', () => {
    setZone(choice.value);
    on.zone?.();
  });
  void every(STATUS_MS, async () => {
    const status = await ask('api/v1/status').catch(() => undefined);
    if (!on.ownState) setState(status === undefined ? 'lost' : 'live');
    if (status === undefined) return;
    offset = Date.parse(status.at) - Date.now();
    showReasons(status.reasons);
    on.status?.(status);
  });
}

function showReasons(list) {
  const key = list.map(({ message }) => message).join('\n');
  if (reasons.dataset.key === key) return;
  reasons.dataset.key = key;
  reasons.hidden = list.length === 0;
  reasons.replaceChildren(
    ...list.map(({ message }) => Object.assign(document.createElement('p'), { textContent: message })),
  );
}
