import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ArchiveSettings } from './seaweedfs.ts';

const ROOT = join(import.meta.dirname, '../..');
const TOOLS = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '', '.cache');
const run = promisify(execFile);

/** A Python that has a module; undefined where there is none. @param environment of .ci/run. */
function pythonWith(module: string, environment: string): string | undefined {
  const places = ['python3', join(TOOLS, 'sluice-ci', environment, 'bin/python')];
  return places.find(python => spawnSync(python, ['-c', `import ${module}`]).status === 0);
}

const duckdb = pythonWith('duckdb', 'duckdb');

/** Whether tests leave DuckDB out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutDuckDb = duckdb === undefined && process.env.CI === undefined;

/**
 * Makes or updates a lake in DuckDB, straight from object storage.
 * @param lake the database file. @param checks where the checksums go. @returns what each layer took, a line each.
 */
export async function runDuckDb(settings: ArchiveSettings, lake: string, checks: string): Promise<string> {
  const { ARCHIVE_URL, ARCHIVE_ENDPOINT, ARCHIVE_ACCESS_KEY_ID, ARCHIVE_SECRET_ACCESS_KEY } = settings;
  const { stdout } = await run(
    duckdb ?? 'python3',
    [join(ROOT, 'lake/duckdb/run.py'), ARCHIVE_URL, '--lake', lake, '--checks', checks],
    {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        AWS_ENDPOINT_URL: ARCHIVE_ENDPOINT,
        AWS_ACCESS_KEY_ID: ARCHIVE_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY: ARCHIVE_SECRET_ACCESS_KEY,
      },
    },
  );
  return stdout;
}

/** Asks a lake in DuckDB, or none (`:memory:`). @returns the rows. */
export async function askDuckDb<Row>(lake: string, sql: string): Promise<Row[]> {
  const script =
    'import duckdb, json, sys\n' +
    'lake = duckdb.connect(sys.argv[1], read_only=sys.argv[1] != ":memory:")\n' +
    'found = lake.execute(sys.argv[2])\n' +
    'names = [column[0] for column in found.description]\n' +
    'print(json.dumps([dict(zip(names, row)) for row in found.fetchall()], default=str))\n';
  const { stdout } = await run(duckdb ?? 'python3', ['-c', script, lake, sql]);
  return JSON.parse(stdout);
}

const spark = pythonWith('pyspark, delta', 'spark');

/** The same of Spark, which needs Java as well. */
export const withoutSpark = spark === undefined && process.env.CI === undefined;

interface SparkSize {
  /** Default: two executors that are processes of their own, as on a cluster. */
  master?: string;
  /** Of each process. */
  memory?: string;
  /** Into how many parts rows are shuffled. */
  partitions?: string;
}

/**
 * Makes or updates a lake of Delta tables.
 * @param archive a folder. @param checks the folder that is written. @returns what each layer took, a line each.
 */
export async function runSpark(
  archive: string,
  lake: string,
  checks: string,
  { master = 'local-cluster[2,1,900]', memory = '900m', partitions = '2' }: SparkSize = {},
): Promise<string> {
  const options = {
    'spark.ui.enabled': 'false',
    'spark.driver.memory': memory,
    'spark.executor.memory': memory,
    'spark.sql.shuffle.partitions': partitions,
    'spark.jars.ivy': join(TOOLS, 'sluice-ci/ivy'),
    'spark.databricks.delta.snapshotPartitions': '1',
  };
  const conf = Object.entries(options).flatMap(([name, value]) => ['--conf', `${name}=${value}`]);
  const { stdout } = await run(
    spark ?? 'python3',
    [join(ROOT, 'lake/spark/run.py'), archive, lake, '--checks', checks, '--master', master, ...conf],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout;
}
