import { z } from 'zod';
import type { EntryContext } from './format.ts';
import type { Rejection } from './reading.ts';
import { Template } from './template.ts';

const text = z.string({ error: 'must be a template such as "Sensor {device}"' }).min(1, 'must not be empty');

/** Which ids messages of a topic may name. */
export const idsOption = z
  .union([text, z.array(text).min(1, 'must not be empty')], {
    error: 'must be a template such as "Sensor {device}", or a list of them',
  })
  .optional()
  .describe(
    'Ids that messages of the topic may name: templates of the filter’s wildcards, with * at the end for whatever follows. Others are rejected. Default: any.',
  );

/** Why a message is not believed that names the id of another device. */
export const FOREIGN_ID: Rejection = 'id is not one that this topic may send';

/** Binds the ids that messages name to the topics on which they come. */
export class BoundIds {
  readonly #templates: readonly { template: Template; isOpen: boolean }[];

  private constructor(templates: readonly { template: Template; isOpen: boolean }[]) {
    this.#templates = templates;
  }

  /** @returns undefined where any id may come, or something was reported. */
  static of(option: z.output<typeof idsOption>, context: EntryContext): BoundIds | undefined {
    if (option === undefined) return undefined;
    const templates = [option].flat().map(written => {
      const isOpen = written.endsWith('*');
      const template = Template.parse(isOpen ? written.slice(0, -1) : written, context.filter);
      if (typeof template === 'string') context.report(['ids'], template);
      else if (template.hasPath || !template.isOfTopic)
        context.report(['ids'], 'must be made of the topic only: no {path}, {key} or {payload.…}');
      return { template, isOpen };
    });
    return templates.every(({ template }) => typeof template !== 'string')
      ? new BoundIds(templates as { template: Template; isOpen: boolean }[])
      : undefined;
  }

  /** Whether a topic's messages may name an id. */
  allows(topic: string, id: string): boolean {
    return this.#templates.some(({ template, isOpen }) => {
      const bound = template.fill(topic, { path: '' });
      return bound !== undefined && (isOpen ? id.startsWith(bound) : id === bound);
    });
  }
}
