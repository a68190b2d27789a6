// Resources by what they have and lack. The parameters of a resource are its shape; a type has few different shapes, however
// many resources it has. The index `resource_shape` is ordered by them: its shapes are found one after the other, a probe
// each, and then the rows of those that are meant. It serves where few rows are: many are found soon by looking at them in turn.
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { typeOfParameter } from '../../src/fhir/search/parameters.ts';

/** As in the index. */
const shape = (row: string) => `hash_array_extended(array_append(${row}.params, ${row}.type), 0)`;

/** Does it depend on nothing but what a resource has and lacks? */
export function isOfShape(c: Criterion): boolean {
  if (c.kind === 'none') return isOfShape(c.of);
  if (c.kind === 'any' || c.kind === 'all') return c.of.every(isOfShape);
  return c.kind === 'mark' || c.kind === 'missing';
}

/** Number of the type whose parameters a criterion {@link isOfShape} names. */
function typeOf(c: Criterion): number {
  if (c.kind === 'none') return typeOf(c.of);
  if ((c.kind === 'any' || c.kind === 'all') && c.of[0] !== undefined) return typeOf(c.of[0]);
  return c.kind === 'mark' || c.kind === 'missing' ? typeOfParameter(c.param) : 0;
}

/**
 * Live rows whose shape meets a criterion {@link isOfShape}. resource_shape.
 * @param test the criterion as a condition on `s.params`
 */
export function shapeRows(c: Criterion, test: string): string {
  const first = (more: string) =>
    `select ${shape('r')} as shape, r.type, r.params from directory.resource r where not r.deleted${more} order by 1 limit 1`;
  return `with recursive shapes as ((${first('')})
      union all select n.* from shapes s cross join lateral (${first(` and ${shape('r')} > s.shape`)}) n)
    select r.rk from shapes s cross join lateral (select r.rk from directory.resource r where not r.deleted and ${shape('r')} = s.shape offset 0) r
    where s.type = ${typeOf(c)} and (${test})`;
}
