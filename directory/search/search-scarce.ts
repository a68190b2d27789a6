// What few directories have is looked for before a search: where no record has it, the search is the one that it would be without, and
// its statement as short.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';

type Scarce = Extract<Criterion, { kind: 'token' }>;

function scarceIn(c: Criterion): Scarce[] {
  if (c.kind === 'any' || c.kind === 'all') return c.of.flatMap(scarceIn);
  if (c.kind === 'chain' || c.kind === 'reverse-chain' || c.kind === 'none') return scarceIn(c.of);
  return c.kind === 'token' && c.scarce === true ? [c] : [];
}

/** Of these tokens those that some row has. lookup_pkey, once each. */
const HELD = `select distinct t.i from unnest($1::int[], $2::text[], $3::bigint[]) t(i, form, seed)
  where exists (select from directory.lookup l where l.token = hashtextextended(t.form, t.seed) offset 0)`;

/** The criterion without alternatives that nothing meets; undefined when nothing is left. */
function without(c: Criterion, absent: ReadonlySet<Criterion>): Criterion | undefined {
  if (absent.has(c)) return undefined;
  switch (c.kind) {
    case 'any': {
      const of = c.of.flatMap((one) => without(one, absent) ?? []);
      const [only] = of;
      return of.length < 2 ? only : { ...c, of };
    }
    case 'all': {
      const of = c.of.flatMap((one) => without(one, absent) ?? []);
      return of.length < c.of.length ? undefined : { ...c, of };
    }
    case 'chain':
    case 'reverse-chain': {
      const of = without(c.of, absent);
      return of && { ...c, of };
    }
    default:
      return c;
  }
}

/** The request without what no record has; itself when it asks for nothing that is scarce. */
export async function resolveScarce(sql: Queryable, request: SearchRequest): Promise<SearchRequest> {
  const scarce = request.criteria.flatMap(scarceIn);
  if (scarce.length === 0) return request;
  const asked = scarce.flatMap((c, i) => c.forms.map((form) => ({ i, form, seed: c.seed })));
  const rows = await rawRows(
    sql,
    HELD,
    [
      arrayLiteral(asked.map((a) => a.i)),
      arrayLiteral(asked.map((a) => a.form)),
      arrayLiteral(asked.map((a) => a.seed)),
    ],
    { prepare: true, short: true },
  );
  const held = new Set(Array.from({ length: rows.length }, (_, i) => Number(rows.text(i, 0))));
  const absent = new Set<Criterion>(scarce.filter((_, i) => !held.has(i)));
  return { ...request, criteria: request.criteria.map((c) => without(c, absent) ?? c) };
}
