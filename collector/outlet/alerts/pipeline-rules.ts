import { z } from 'zod';
import { REASONS, type Reason } from '../../../base/health.ts';
import type { Observation } from './alert.ts';
import { number } from './rule.ts';

/** What there is to know of the pipeline at a moment. */
export interface PipelineView {
  /** What /ready names: broker_away, database_away, clock_wrong, refresh_late, mostly_rejected, outlet_away, … */
  reasons: Reason[];
  /** Why nothing can be recorded. */
  failure: string | undefined;
  /** Share of the data folder's disk that is free; undefined where the system does not tell. */
  freeShare: number | undefined;
  loadingLagSeconds: number;
  /** The longest that a group took to reach the disk, since the last look. */
  fsyncSeconds: number;
}

/** A kind of rule about the pipeline itself. It needs no database. */
export interface PipelineRuleKind<Options extends z.ZodRawShape = z.ZodRawShape> {
  name: string;
  options: Options;
  observe(view: PipelineView, options: z.output<z.ZodObject<Options>>): Omit<Observation, 'group'>[];
}

/** What `degraded` may be about: the reasons of /ready, and that nothing is recorded at all. */
const degradations = [...REASONS, 'not_recording'] as const;

function pipelineRule<Options extends z.ZodRawShape>(
  definition: PipelineRuleKind<Options>,
): PipelineRuleKind {
  return definition as unknown as PipelineRuleKind;
}

const degraded = pipelineRule({
  name: 'degraded',
  options: {
    reasons: z
      .array(z.enum(degradations, `must be one of ${degradations.join(', ')}`), {
        error: `must be a list of reasons: ${degradations.join(', ')}`,
      })
      .min(1, 'must not be empty')
      .optional()
      .describe('Of /ready, and not_recording: that nothing is recorded; default: all.'),
  },
  observe: ({ reasons, failure }, { reasons: wanted = degradations }) => {
    const now = new Map<string, string>(reasons.map(({ name, message }) => [name, message]));
    if (failure !== undefined) now.set('not_recording', failure);
    return wanted.map(name => {
      const message = now.get(name);
      return {
        subject: name,
        bad: message !== undefined,
        fine: message === undefined,
        summary: message ?? name,
      };
    });
  },
});

const disk = pipelineRule({
  name: 'disk',
  options: {
    free_percent: number.positive('must be more than 0').max(100, 'must be at most 100').default(10),
  },
  observe: ({ freeShare }, { free_percent: least }) => {
    if (freeShare === undefined) return [];
    const value = freeShare * 100;
    const summary = `the disk of the data folder has ${value.toFixed(1)} % free`;
    // A tenth more, or it would come and go with each file.
    return [{ subject: 'disk', value, bad: value < least, fine: value >= least * 1.1, summary }];
  },
});

const lag = pipelineRule({
  name: 'lag',
  options: { seconds: number.positive('must be more than 0').default(60) },
  observe: ({ loadingLagSeconds: value }, { seconds }) => [
    {
      subject: 'loading',
      value,
      bad: value > seconds,
      fine: value <= seconds / 2,
      summary: `what is recorded waits ${Math.round(value)} s until it is loaded`,
    },
  ],
});

const fsync = pipelineRule({
  name: 'fsync',
  options: { seconds: number.positive('must be more than 0').default(1) },
  observe: ({ fsyncSeconds: value }, { seconds }) => [
    {
      subject: 'fsync',
      value,
      bad: value > seconds,
      fine: value <= seconds,
      summary: `messages take ${value.toFixed(2)} s to reach the disk`,
    },
  ],
});

/** Every kind of rule about the pipeline. */
export const pipelineRuleKinds: readonly PipelineRuleKind[] = [degraded, disk, lag, fsync];
