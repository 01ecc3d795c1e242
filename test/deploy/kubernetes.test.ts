import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { settings } from '../../base/settings.ts';
import { readTopics } from '../../collector/payload/topics-file.ts';
import { temporaryFolder } from '../harness/server.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/kubernetes');
const KUBERNETES = '1.34.0';

/** Left out where kustomize and kubernetes-validate are not installed; CI has to have them. */
const missing =
  ['kustomize', 'kubernetes-validate'].some(program => spawnSync(program, ['--help']).error !== undefined) &&
  !process.env.CI;

interface Container {
  name: string;
  env: { name: string; value?: string }[];
  securityContext: unknown;
  resources: { limits: { memory: string } };
  volumeMounts: { name: string; mountPath: string }[];
}

interface Resource {
  kind: string;
  metadata: { name: string };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own.
  spec: any;
  data?: Record<string, string>;
}

async function build(overlay: string): Promise<Resource[]> {
  const { stdout } = await promisify(execFile)('kustomize', ['build', overlay]);
  return parseAllDocuments(stdout).map(document => document.toJS() as Resource);
}

/** Validates strictly, offline. @returns what is wrong; an empty text where nothing is. */
async function validate(resources: readonly Resource[]): Promise<string> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'all.yaml');
  await writeFile(file, resources.map(resource => stringify(resource)).join('---\n'));
  const args = ['--strict', '--no-warn', '--kubernetes-version', KUBERNETES, file];
  return await promisify(execFile)('kubernetes-validate', args).then(
    () => '',
    error => `${error.stdout}${error.stderr}`,
  );
}

const find = (resources: readonly Resource[], kind: string) =>
  resources.filter(resource => resource.kind === kind);

describe.skipIf(missing).each(['single', 'fleet', 'fleet-jetstream'])('the overlay %s', overlay => {
  test('is built, and valid', async () => {
    const resources = await build(join(FOLDER, 'overlays', overlay));
    expect(find(resources, 'StatefulSet')).toHaveLength(1);
    expect(find(resources, 'PodDisruptionBudget')).toHaveLength(1);
    expect(find(resources, 'NetworkPolicy')).toHaveLength(1);
    expect(await validate(resources)).toBe('');
  });

  test('says nothing but settings, and each container is confined and limited', async () => {
    const resources = await build(join(FOLDER, 'overlays', overlay));
    const { template } = find(resources, 'StatefulSet')[0]!.spec;
    const containers: Container[] = [...template.spec.initContainers, ...template.spec.containers];
    const maps = find(resources, 'ConfigMap').filter(({ metadata }) =>
      metadata.name.startsWith('sluice-settings'),
    );
    const said = [
      ...maps.flatMap(({ data }) => Object.keys(data ?? {})),
      ...containers.flatMap(({ env }) => env.map(({ name }) => name)).filter(name => name !== 'POD_NAME'),
    ];
    expect(said).toContain('DATABASE_URL');
    expect(said.filter(name => !(name in settings))).toEqual([]);
    expect(containers.map(({ name }) => name)).toEqual(['migrate', 'collector']);
    for (const { securityContext, resources: needs } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(needs.limits.memory).toMatch(/^\d+Mi$/);
    }
  });
});

test.skipIf(missing)('an unknown field is refused, and so is a value of the wrong type', async () => {
  const resources = await build(join(FOLDER, 'overlays/single'));
  const planted = structuredClone(resources);
  find(planted, 'StatefulSet')[0]!.spec.template.spec.containers[0].livenessProbes = {};
  expect(await validate(planted)).toMatch(/livenessProbes/);
  const mistyped = structuredClone(resources);
  find(mistyped, 'StatefulSet')[0]!.spec.replicas = 'three';
  expect(await validate(mistyped)).toMatch(/replicas|three/);
});

test.skipIf(missing)('a collector of the fleet has a volume and a client id of its own', async () => {
  const [set] = find(await build(join(FOLDER, 'overlays/fleet')), 'StatefulSet');
  expect(set!.spec.replicas).toBe(3);
  expect(set!.spec.volumeClaimTemplates[0].spec.accessModes).toEqual(['ReadWriteOncePod']);
  expect(set!.spec.template.spec.containers[0].env).toContainEqual({
    name: 'MQTT_CLIENT_ID',
    valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
  });
});

test.skipIf(missing)(
  'each collector of the fleet has the topics file of its name, and no filter is taken twice',
  async () => {
    const resources = await build(join(FOLDER, 'overlays/fleet'));
    const set = find(resources, 'StatefulSet')[0]!;
    const pod = set.spec.template.spec;
    const env: string[] = pod.containers[0].env.map(({ name }: { name: string }) => name);
    // Kubernetes puts in only what was said before.
    expect(env.indexOf('POD_NAME')).toBeLessThan(env.indexOf('TOPICS_FILE'));
    const files = find(resources, 'ConfigMap').find(({ metadata }) =>
      metadata.name.startsWith('sluice-topics'),
    )!;
    expect(pod.volumes).toContainEqual({ name: 'topics', configMap: { name: files.metadata.name } });
    const pods = Array.from({ length: set.spec.replicas }, (_, n) => `sluice-${n}.yaml`);
    expect(Object.keys(files.data!).sort()).toEqual(pods);
    const filters = Object.values(files.data!).flatMap(text => readTopics(text, { zone: 'UTC' }).filters);
    expect(new Set(filters).size).toBe(pods.length);
  },
);
