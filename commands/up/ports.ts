import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Config } from '../../base/config.ts';
import { PortTakenError } from '../../base/errors.ts';

interface Port {
  what: string;
  host: string;
  port: number;
  setting: keyof Config;
}

/**
 * Tries every port that `sluice up` is to listen on, before anything is made.
 * @throws {PortTakenError} with all that cannot be had, each with the setting that changes it.
 */
export async function demandPorts(config: Config): Promise<void> {
  const { embedded, HTTP_HOST, HTTP_PORT, EMBEDDED_MQTT_PORT, EMBEDDED_POSTGRES_PORT } = config;
  const host = '127.0.0.1';
  const ports: Port[] = [{ what: 'HTTP', host: HTTP_HOST, port: HTTP_PORT, setting: 'HTTP_PORT' }];
  if (embedded.broker) {
    ports.push({ what: 'MQTT', host, port: EMBEDDED_MQTT_PORT, setting: 'EMBEDDED_MQTT_PORT' });
  }
  if (embedded.postgres) {
    ports.push({ what: 'PostgreSQL', host, port: EMBEDDED_POSTGRES_PORT, setting: 'EMBEDDED_POSTGRES_PORT' });
  }
  const problems: string[] = [];
  // Held until all were tried, so that two settings of one port are seen too.
  const probes: Server[] = [];
  try {
    for (const { what, host, port, setting } of ports) {
      const probe = createServer();
      probe.listen({ port, host, exclusive: true });
      try {
        await once(probe, 'listening');
        probes.push(probe);
      } catch (error) {
        const explained = PortTakenError.from(error, what, host, port, setting);
        if (!(explained instanceof PortTakenError)) throw explained;
        problems.push(explained.message);
      }
    }
  } finally {
    await Promise.all(probes.map(probe => new Promise(resolve => probe.close(resolve))));
  }
  if (problems.length === 1) throw new PortTakenError(problems[0]);
  if (problems.length > 1) {
    throw new PortTakenError(
      `${problems.length} ports cannot be had:\n${problems.map(p => `  ${p}`).join('\n')}`,
    );
  }
}
