// Criteria of what every resource has: `_id` and `_lastUpdated`.

import { referenceTarget } from '../reference.ts';
import { ID_PATTERN } from '../resource.ts';
import type { Criterion, CriterionOptions } from './criterion.ts';
import { unknownModifier } from './criterion-values.ts';
import type { DirectoryType } from './types.ts';
import { dateTest, trueOrFalse, unescaped } from './values.ts';

/** Meets no resource. */
export const nothing: Criterion = { kind: 'id', keys: [] };

/** @throws Outcome invalid-parameter */
export function readOfAll(
  type: DirectoryType,
  code: '_id' | '_lastUpdated',
  modifier: string | undefined,
  values: string[],
  options: CriterionOptions,
): Criterion {
  if (modifier === 'missing') return trueOrFalse(code, values) ? nothing : { kind: 'none', of: nothing };
  if (code === '_lastUpdated') {
    if (modifier !== undefined) throw unknownModifier(code);
    return { kind: 'last-updated', tests: values.map((v) => dateTest(code, v, options.now)) };
  }
  if (modifier !== undefined && modifier !== 'not') throw unknownModifier(code);
  const found: Criterion = { kind: 'id', keys: values.flatMap((v) => idKey(type, unescaped(v), options.base)) };
  return modifier === 'not' ? { kind: 'none', of: found } : found;
}

/** `id`, `Type/id` or an absolute URL; another type finds nothing. */
function idKey(type: DirectoryType, text: string, base: string): string[] {
  if (ID_PATTERN.test(text)) return [`${type}/${text}`];
  const key = referenceTarget(text, base);
  return key?.startsWith(`${type}/`) ? [key] : [];
}
