/*
 * The program that anyone would write first, to compare with: mqtt.js subscribes, each message is an INSERT, every tenth
 * commits. What is acknowledged and not committed is lost when it ends; a message that comes twice ends it.
 *
 *   node bench/baseline.ts mqtt://127.0.0.1:1883 postgresql://…
 */
import mqtt from 'mqtt';
import pg from 'pg';

const COMMIT_EVERY = 10;

const [brokerUrl, databaseUrl] = process.argv.slice(2) as [string, string];
const database = new pg.Client({ connectionString: databaseUrl, application_name: 'baseline' });
await database.connect();
await database.query('BEGIN');
let count = 0;

async function store(payload: Buffer): Promise<void> {
  const { id, dt, value } = JSON.parse(payload.toString()) as { id: string; dt: string; value: number };
  // Queries of one connection queue up in pg, so the order is kept.
  const inserted = database.query(
    'INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES ($1, $2, $3, $4)',
    [dt, id, value, 'valid'],
  );
  if (++count % COMMIT_EVERY === 0) await database.query('COMMIT; BEGIN');
  await inserted;
}

const client = mqtt.connect(brokerUrl);
client.on('message', (_topic, payload) => {
  store(payload).catch(error => {
    console.error(error);
    process.exit(1);
  });
});
await client.subscribeAsync('sensors/#', { qos: 1 });
console.log('subscribed');
