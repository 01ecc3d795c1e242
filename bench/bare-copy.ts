/* COPYs a file into silver, and nothing else, where there is no psql: `node bench/bare-copy.ts postgresql://… FILE`. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

const [url, file] = process.argv.slice(2) as [string, string];
const client = new pg.Client(url);
await client.connect();
const copy = client.query(
  copyFrom('COPY silver.sensor_reading (time, sensor_id, value, quality) FROM STDIN'),
);
await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), copy);
await client.end();
