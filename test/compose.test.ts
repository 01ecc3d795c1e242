import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settings } from '../base/settings.ts';

const compose = read('docker-compose.yml');
const dockerfile = read('Dockerfile');

describe('docker-compose.yml', () => {
  test.each(['collector', 'generator', 'migrate'])(
    'gives %s nothing but settings of base/settings.ts',
    name => {
      const names = environmentOf(name);
      expect(names).toContain(name === 'migrate' ? 'DATABASE_URL_FILE' : 'MQTT_URL');
      expect(names.filter(given => !isSetting(given))).toEqual([]);
    },
  );

  test('lets the owner of the tables make them, and the collector and pgAdmin have no more than their roles', () => {
    const setup = read('mosquitto/setup.sh');
    const owners = setup.match(/^.*(?:sluice:\$\w+@|:sluice:\$).*$/gm);
    expect(owners).toEqual([expect.stringMatching(/\/\/sluice:\$owner@.* \| secret migrate\/database_url /)]);
    expect(setup).toMatch(/\/\/sluice_writer:\$writer@.* \| secret collector\/database_url /);
    expect(setup).toMatch(/:sluice_reader:\$reader" \| secret pgadmin\/pgpass /);
    expect(setup).toContain('"Username": "sluice_reader"');
    // Each waits for the one before: tables, passwords of the roles, who logs in with them.
    expect(blockOf('roles')).toMatch(/migrate: \{ condition: service_completed_successfully \}/);
    for (const service of ['collector', 'pgadmin']) {
      expect(blockOf(service)).toMatch(/roles: \{ condition: service_completed_successfully \}/);
    }
  });

  test('publishes every port on this machine only', () => {
    const published = [...compose.matchAll(/^ +ports:\s*(\[.*\]|(?:\n +- .*)+)/gm)].map(([, ports]) => ports);
    expect(published).toHaveLength(compose.match(/^ +ports:/gm)?.length ?? 0);
    expect(published).not.toHaveLength(0);
    const ports = published.flatMap(list => list?.match(/[^\s[\]'",-][^\s[\]'",]*:\d+/g) ?? []);
    expect(ports.length).toBeGreaterThanOrEqual(published.length);
    expect(ports.filter(port => !/^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/.test(port))).toEqual([]);
    expect(compose).not.toMatch(/network_mode: *['"]?host/);
  });

  test('pins every image to a version', () => {
    const images = [...compose.matchAll(/^ +image: (.*)$/gm), ...dockerfile.matchAll(/^FROM (\S+)/gm)];
    expect(images.length).toBeGreaterThanOrEqual(6);
    expect(images.map(([, image]) => image).filter(image => !/:\d+\.\d+(\.\d+)?(-|$)/.test(image!))).toEqual(
      [],
    );
  });
});

test('the image has the Node that package.json asks for', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } };
  const versions = [...dockerfile.matchAll(/^FROM node:([\d.]+)/gm)].map(([, version]) => version);
  expect(new Set(versions)).toEqual(new Set([devDependencies.node]));
});

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', path), 'utf8');
}

/** What stands under the name of a service. */
function blockOf(service: string): string {
  return compose.match(new RegExp(`^  ${service}:\\n((?: {3,}.*\\n|\\n)*)`, 'm'))?.[1] ?? '';
}

/** Names under `environment` of a service, by the file's indentation: two spaces a level. */
function environmentOf(service: string): string[] {
  const [, environment] = blockOf(service).match(/^ {4}environment:\n((?: {6}.*\n)+)/m) ?? [];
  return [...(environment ?? '').matchAll(/^ {6}([A-Za-z_]+):/gm)].map(([, name]) => name!);
}

/** A secret can be given as a file. */
function isSetting(name: string): boolean {
  const known: Record<string, { meaning: string; secret?: true }> = settings;
  return name in known || known[name.replace(/_FILE$/, '')]?.secret === true;
}
