import type { RuleKind } from './rule.ts';
import { score, verdict } from './rules/score.ts';
import { shares } from './rules/share.ts';
import { silent } from './rules/silent.ts';
import { change, value } from './rules/value.ts';

/** Every kind of rule about sensors, asked of gold. */
export const ruleKinds: readonly RuleKind[] = [silent, ...shares, value, change, score, verdict];
