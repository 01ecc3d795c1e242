import { amount, bytes, duration } from './words.js';

/** The four numbers on top: what comes in, and how far behind each stage is. */
export class Stages {
  #before;

  /** @param status of /api/v1/status. */
  show(status) {
    const at = Date.parse(status.at) / 1000;
    const before = this.#before;
    this.#before = { at, received: status.received };
    if (before !== undefined && at > before.at && status.received >= before.received) {
      const rate = (status.received - before.received) / (at - before.at);
      write(
        'stage-broker',
        amount(rate),
        status.broker.connected ? 'messages a second' : 'the broker is away',
        !status.broker.connected,
      );
    }
    const waiting = status.recording.pending_bytes;
    write(
      'stage-bronze',
      amount(status.recorded),
      status.recording.ok
        ? waiting > 1e6
          ? `recorded, ${bytes(waiting)} wait for the disk`
          : `recorded in ${duration((Date.parse(status.at) - Date.parse(status.started_at)) / 1000)}`
        : 'the disk refuses writes',
      !status.recording.ok,
    );
    const { lag_s, pending_bytes } = status.loading;
    write(
      'stage-silver',
      duration(lag_s),
      status.database.connected
        ? `behind, ${bytes(pending_bytes)} to load`
        : `behind, the database is away, ${bytes(pending_bytes)} to load`,
      !status.database.connected,
    );
    write('stage-gold', duration(status.refresh.lag_s), 'since the last refresh', status.refresh.lag_s > 180);
  }
}

function write(id, value, meaning, failing) {
  const stage = document.getElementById(id);
  stage.querySelector('b').textContent = value;
  stage.querySelector('small').textContent = meaning;
  stage.classList.toggle('failing', failing);
}
