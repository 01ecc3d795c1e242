import { ask, every } from './api.js';
import { startFrame } from './frame.js';
import { amount, bytes, count, duration, moment, setText } from './words.js';

const steps = document.getElementById('steps');
const since = document.getElementById('since');
const rejects = document.querySelector('#rejects tbody');
const none = document.getElementById('rejects-none');
const machine = document.getElementById('machine');
const alerts = document.getElementById('alerts');
const alertsNone = document.getElementById('alerts-none');
/** They change once a minute, and those about the pipeline every ten seconds. */
const ALERTS_MS = 10_000;
let before;
let last;

void every(ALERTS_MS, async () => drawAlerts(await ask('api/v1/alerts').catch(() => undefined)));

/** Those that fire. @param answer of /api/v1/alerts; undefined: there was none. */
function drawAlerts(answer) {
  const firing = (answer?.alerts ?? []).filter(({ state }) => state === 'firing');
  draw(
    alerts,
    firing.map(({ rule, severity, since, summary }) =>
      make('li', `${rule} (${severity}), since ${moment(Date.parse(since))}: ${summary}`, 'critical'),
    ),
  );
  const nothing = answer?.complete
    ? 'No alert fires.'
    : 'No alert of the pipeline fires; those about sensors cannot be asked for.';
  setText(alertsNone, firing.length > 0 ? '' : nothing);
}

startFrame('pipeline', { status: show, zone: () => last && show(last) });

function show(status) {
  last = status;
  setText(since, `Counters count since ${moment(Date.parse(status.started_at))}.`);
  const rate = rateOf(status);
  draw(steps, [
    step('Broker', status.broker.connected, [
      status.broker.connected ? 'connected' : `away: ${status.broker.reason ?? 'not connected yet'}`,
      `${count(status.received)} messages came, by MQTT and HTTP`,
      rate === undefined ? '' : `${amount(rate)} a second at present`,
    ]),
    step('Bronze: raw files', status.recording.ok, [
      status.recording.ok
        ? `${count(status.recorded)} recorded, each on disk before it is acknowledged`
        : 'the disk refuses writes; nothing is acknowledged until it takes them again',
      `${count(status.rejected)} rejected`,
      status.recording.pending_bytes > 0 ? `${bytes(status.recording.pending_bytes)} wait for the disk` : '',
    ]),
    step('Silver: readings in the database', status.database.connected, [
      status.database.connected
        ? `${count(status.stored)} stored`
        : `away: ${status.database.reason}; recording goes on`,
      // Every recorded message is in one of the numbers.
      status.duplicates > 0 ? `${count(status.duplicates)} sent twice, stored once` : '',
      status.conflicts > 0 ? `${count(status.conflicts)} conflicting` : '',
      status.refused > 0 ? `${count(status.refused)} not storable` : '',
      status.loading.pending_bytes > 0
        ? `${bytes(status.loading.pending_bytes)} still to load; the oldest waits for ${duration(status.loading.lag_s)}`
        : 'nothing waits to be loaded',
    ]),
    step('Gold: means and quality', status.refresh.lag_s <= 180, [
      `refreshed ${duration(status.refresh.lag_s)} ago; each minute, at its fifth second`,
    ]),
    ...status.outlets.map(outletStep),
  ]);
  drawRejects(status.rejects);
  drawMachine(status);
}

function outletStep({ name, kind, connection, sent, skipped, dead_letters: dead, waiting, unit, stalled_s }) {
  const left = unit === 'bytes' ? `${bytes(waiting)} of raw files` : `${count(waiting)} means`;
  return step(`Outlet: ${name}`, connection.connected, [
    connection.connected ? `delivers (${kind})` : `does not deliver (${kind}): ${connection.reason}`,
    `${count(sent)} messages confirmed`,
    waiting > 0
      ? `${left} still to send, for ${duration(stalled_s)} without a confirmation`
      : 'nothing waits to be sent',
    skipped > 0 ? `${count(skipped)} skipped: they were too old before they could be sent` : '',
    dead > 0 ? `${count(dead)} refused by the receiver: outlets/${name}.dead.jsonl in the data folder` : '',
  ]);
}

function rateOf({ at, received }) {
  const now = { ms: Date.parse(at), received };
  const rate =
    before && now.ms > before.ms
      ? ((now.received - before.received) * 1000) / (now.ms - before.ms)
      : undefined;
  before = now;
  return rate;
}

function step(title, ok, lines) {
  const element = document.createElement('li');
  element.className = ok ? 'card' : 'card failing';
  element.append(
    make('h2', title),
    make('p', ok ? 'OK' : 'Trouble', ok ? 'good' : 'critical'),
    ...lines.filter(Boolean).map(line => make('p', line)),
  );
  return element;
}

function drawRejects(list) {
  draw(
    rejects,
    list.map(({ source, entry, reason, count: messages, last }) => {
      const row = document.createElement('tr');
      const example = last === null ? '' : `${last.topic}: ${last.payload}`;
      row.append(
        make('td', reason),
        make('td', entry),
        make('td', source === 'mqtt' ? 'MQTT' : 'HTTP'),
        make('td', example, 'example'),
        make('td', count(messages), 'number'),
      );
      return row;
    }),
  );
  setText(none, list.length > 0 ? '' : 'Nothing was rejected.');
  document.getElementById('rejects').hidden = list.length === 0;
}

function drawMachine({ disk, clock, at }) {
  const skew = Math.round((Date.parse(at) - Date.now()) / 1000);
  draw(machine, [
    pair(
      'Disk',
      disk === null
        ? 'not told by the system'
        : `${bytes(disk.free_bytes)} free of ${bytes(disk.total_bytes)}`,
    ),
    pair(
      'Clock',
      `${moment(Date.parse(at))}${Math.abs(skew) > 5 ? `: ${duration(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} this browser's` : ''}`,
    ),
    pair('Clock against the readings', clock.ok ? 'seems right' : clock.reason),
    pair(
      'Time server',
      clock.synchronized === null
        ? 'not told by the system'
        : clock.synchronized
          ? 'keeps the clock right'
          : 'has not set the clock for a day',
    ),
  ]);
}

/** Replaces what is there only where it differs, so that a selection, or a reader's place, stays. */
function draw(parent, children) {
  const html = children.map(child => child.outerHTML).join('');
  if (parent.dataset.drawn === html) return;
  parent.dataset.drawn = html;
  parent.replaceChildren(...children);
}

function pair(term, text) {
  const element = document.createElement('div');
  element.append(make('dt', term), make('dd', text));
  return element;
}

function make(name, text, className = '') {
  return Object.assign(document.createElement(name), { textContent: text, className });
}
