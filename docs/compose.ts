import { settings } from '../base/settings.ts';

/** Settings that docker-compose.yml itself says, since they follow from what is in it. */
const fixed = new Set([
  'MQTT_URL',
  'MQTT_USERNAME',
  'MQTT_PASSWORD',
  'DATABASE_URL',
  'DATA_DIR',
  'HTTP_HOST',
  'HTTP_PORT',
  'HTTP_TOKENS_FILE',
]);

/** What docker-compose.yml and the files in deploy/compose read from `.env` beside the settings. */
export const composeVariables = {
  SLUICE_UID: { default: '1000', meaning: 'User that the collector runs as, to whom ./data belongs.' },
  MQTT_PORT: { default: '1883', meaning: 'Port of the broker on 127.0.0.1.' },
  POSTGRES_PORT: { default: '5432', meaning: 'Port of the database on 127.0.0.1.' },
  PGADMIN_PORT: { default: '5050', meaning: 'Port of pgAdmin on 127.0.0.1 (--profile admin).' },
  GRAFANA_PORT: { default: '3000', meaning: 'Port of Grafana on 127.0.0.1 (--profile grafana).' },
  ARCHIVE_PORT: {
    default: '8333',
    meaning: 'Port of the object storage on 127.0.0.1 (--profile archive).',
  },
  PROMETHEUS_PORT: { default: '9090', meaning: 'Port of Prometheus on 127.0.0.1 (--profile monitoring).' },
  MQTT_TLS_PORT: {
    default: '8883',
    meaning: 'Port of MQTT over TLS, on all addresses (deploy/compose/tls.yml).',
  },
  HTTPS_PORT: {
    default: '443',
    meaning: 'Port of the page and the HTTP API over TLS, on all addresses (deploy/compose/tls.yml).',
  },
  MQTT_MEMORY_MB: {
    default: '450',
    meaning:
      'What the broker may use; two thirds of it are for messages that wait while the collector is away.',
  },
  POSTGRES_MEMORY_MB: {
    default: '640',
    meaning: 'What the database may use. At its first start it takes a quarter of it for shared_buffers.',
  },
  COLLECTOR_MEMORY_MB: { default: '400', meaning: 'What the collector may use.' },
} as const;

const BLOCK = /^x-settings: &settings\n(?: {2}.*\n)*/m;

/** docker-compose.yml with all settings that `.env` may hold. @throws {Error} where it has no place for them. */
export function composeWithSettings(compose: string): string {
  if (!BLOCK.test(compose)) throw new Error('docker-compose.yml must have a block x-settings: &settings');
  const lines = collectorSettings().map(name => `  ${name}: \${${name}:-}\n`);
  return compose.replace(BLOCK, () => `x-settings: &settings\n${lines.join('')}`);
}

/** Names of settings that reach the collector from `.env`; of a secret also the name that says its file. */
export function collectorSettings(): string[] {
  return Object.entries<{ meaning: string; secret?: true }>(settings)
    .filter(([name]) => !fixed.has(name) && !/^(?:GENERATOR|EMBEDDED)_/.test(name))
    .flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name]));
}
