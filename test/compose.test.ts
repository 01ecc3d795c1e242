import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { settings } from '../base/settings.ts';
import { collectorSettings, composeVariables, composeWithSettings } from '../docs/compose.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Service {
  image?: string;
  build?: string;
  ports?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  mem_limit?: string;
  network_mode?: string;
  restart?: string;
  profiles?: string[];
  volumes?: string[];
}

const overrides = globSync('deploy/compose/*.yml', { cwd: ROOT });
const files = ['docker-compose.yml', ...overrides];
const texts = new Map(files.map(file => [file, read(file)]));
const services = new Map(
  files.map(file => [file, servicesOf(texts.get(file)!)] as [string, Record<string, Service>]),
);
const compose = services.get('docker-compose.yml')!;
const dockerfile = read('Dockerfile');

function servicesOf(text: string): Record<string, Service> {
  return parse(text, { merge: true }).services;
}

/** A secret can be given as a file. */
function isSetting(name: string): boolean {
  const known: Record<string, { meaning: string; secret?: true }> = settings;
  return name in known || known[name.replace(/_FILE$/, '')]?.secret === true;
}

test('docker-compose.yml has the settings as they are (else: npm run docs)', () => {
  const text = texts.get('docker-compose.yml')!;
  expect(text).toBe(composeWithSettings(text));
});

test('every setting that .env may hold reaches the collector, and those of the generator reach it', () => {
  const fromEnv = (service: Service) =>
    Object.entries(service.environment ?? {})
      .filter(([name, value]) => value === `\${${name}:-}`)
      .map(([name]) => name);
  expect(fromEnv(compose.collector!).sort()).toEqual(collectorSettings().sort());
  const generators = Object.keys(settings).filter(name => name.startsWith('GENERATOR_'));
  expect(generators.length).toBeGreaterThan(3);
  expect(fromEnv(compose.generator!)).toEqual(expect.arrayContaining(generators));
  // What is said in the file itself is a setting as well.
  const said = Object.keys(settings).filter(
    name => !collectorSettings().includes(name) && !/^(?:GENERATOR|EMBEDDED)_/.test(name),
  );
  const given = Object.keys(compose.collector!.environment ?? {}).map(name => name.replace(/_FILE$/, ''));
  expect(said.filter(name => !given.includes(name) && !given.includes(name.replace(/_FILE$/, '')))).toEqual(
    [],
  );
});

test.each(['collector', 'generator', 'migrate', 'topics'])(
  'gives %s nothing but settings of base/settings.ts',
  name => {
    const names = Object.keys(compose[name]!.environment ?? {});
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter(given => !isSetting(given))).toEqual([]);
  },
);

test('reads no variable of .env that .env.example does not explain', () => {
  const example = read('.env.example');
  const names = [...texts.values()].flatMap(text =>
    [...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name!),
  );
  expect(names).toEqual(expect.arrayContaining(Object.keys(composeVariables)));
  const known = (name: string) => isSetting(name) || name in composeVariables;
  expect([...new Set(names)].filter(name => !known(name))).toEqual([]);
  for (const name of Object.keys(composeVariables)) expect(example).toContain(`\n#${name}=`);
});

test('has the defaults of .env.example for what is of compose only', () => {
  for (const [name, { default: value }] of Object.entries(composeVariables)) {
    const given = [...texts.values()].flatMap(text =>
      [...text.matchAll(new RegExp(`\\$\\{${name}:-([^}]*)\\}`, 'g'))].map(([, found]) => found),
    );
    expect(new Set(given), name).toEqual(new Set([value]));
  }
});

describe('limits of memory', () => {
  const megabytes = ({ mem_limit }: Service) => Number(/(?:^|:-)(\d+)\}?m$/.exec(mem_limit ?? '')?.[1]);

  test('every service has one', () => {
    for (const [file, all] of services)
      for (const [name, service] of Object.entries(all))
        if (service.image !== undefined) expect(megabytes(service), `${file}: ${name}`).toBeGreaterThan(0);
  });

  test('what runs at the same time leaves 80 MB of a machine of 2 GB, and is what the comment adds up', () => {
    const running = Object.values(compose).filter(service => service.restart !== 'no' && !service.profiles);
    const sum = running.reduce((all, service) => all + megabytes(service), 0);
    const said = [...texts.get('docker-compose.yml')!.matchAll(/^# +(\d+) {3}[a-z]/gm)].map(([, mb]) =>
      Number(mb),
    );
    const system = said[0]!;
    expect(said.slice(0, 5).reduce((all, mb) => all + mb, 0)).toBe(said[5]);
    expect(sum + system).toBe(said[5]);
    expect(sum + system).toBeLessThanOrEqual(2048 - 80);
  });
});

test('lets the owner of the tables make them, and the collector and pgAdmin have no more than their roles', () => {
  const setup = read('mosquitto/setup.sh');
  const owners = setup.match(/^.*(?:sluice:\$\w+@|:sluice:\$).*$/gm);
  expect(owners).toEqual([expect.stringMatching(/\/\/sluice:\$owner@.* \| secret migrate\/database_url /)]);
  expect(setup).toMatch(/\/\/sluice_writer:\$writer@.* \| secret collector\/database_url /);
  expect(setup).toMatch(/:sluice_reader:\$reader" \| secret pgadmin\/pgpass /);
  expect(setup).toContain('"Username": "sluice_reader"');
  // Each waits for the one before: tables, passwords of the roles, who logs in with them.
  const completed = { condition: 'service_completed_successfully' };
  expect(compose.roles!.depends_on).toMatchObject({ migrate: completed });
  for (const name of ['collector', 'pgadmin'])
    expect(compose[name]!.depends_on).toMatchObject({ roles: completed });
});

test('`up --wait` ends with 0: what runs once is waited for by somebody, and no health check is switched off', () => {
  const once = Object.entries(compose).filter(([, { restart }]) => restart === 'no');
  expect(once.length).toBeGreaterThanOrEqual(4);
  // Compose takes a health check that is switched off for one that fails.
  expect(texts.get('docker-compose.yml')).not.toContain('disable: true');
  expect(dockerfile).not.toContain('HEALTHCHECK');
  for (const [name] of once) {
    const conditions = Object.values(compose).map(({ depends_on }) => depends_on?.[name]?.condition);
    expect(conditions, name).toContain('service_completed_successfully');
  }
});

test('publishes every port on this machine only, except those with TLS', () => {
  const ports = [...services.values()].flatMap(all =>
    Object.values(all).flatMap(service => service.ports ?? []),
  );
  const open = ports.filter(port => !/^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/.test(port));
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is compose's way to write a variable.
  expect(open.sort()).toEqual(['${HTTPS_PORT:-443}:8443', '${MQTT_TLS_PORT:-8883}:8883']);
  for (const all of services.values())
    for (const service of Object.values(all)) expect(service.network_mode ?? 'none').toBe('none');
});

test('pins every image to a version', () => {
  const images = [...services.values()].flatMap(all =>
    Object.values(all).flatMap(({ image }) => image ?? []),
  );
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image!);
  expect(images.length).toBeGreaterThanOrEqual(6);
  expect([...images, ...bases].filter(image => !/:v?\d+\.\d+(\.\d+)?(-|$)/.test(image))).toEqual([]);
});

test('every file that is mounted is there', () => {
  const mounted = [...services.values()].flatMap(all =>
    Object.values(all).flatMap(({ volumes }) =>
      (volumes ?? []).map(volume => volume.split(':')[0]!).filter(path => path.startsWith('./')),
    ),
  );
  expect(mounted.length).toBeGreaterThan(5);
  // Docker makes ./data; whoever wants TLS brings its folder along.
  const missing = mounted.filter(
    path => !['./data', './config/tls'].includes(path) && globSync(path, { cwd: ROOT }).length === 0,
  );
  expect(missing).toEqual([]);
});

test('the image names the port that compose publishes', () => {
  const published = compose.collector!.ports!.map(port => port.split(':').at(-1));
  expect([...dockerfile.matchAll(/^EXPOSE (\d+)/gm)].map(([, port]) => port)).toEqual(published);
});

test('the image has the Node that package.json asks for', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } };
  const versions = [...dockerfile.matchAll(/^FROM node:([\d.]+)/gm)].map(([, version]) => version);
  expect(new Set(versions)).toEqual(new Set([devDependencies.node]));
});
