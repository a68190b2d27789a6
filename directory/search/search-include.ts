// Included resources as parts of the search statement: targets of references, and resources that refer to the page.

import { referenceToken } from '../../src/db/reference-token.ts';
import type { Include } from '../../src/fhir/search/include.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';

/** The most included entries of a page. */
export const INCLUDE_MAX = 1000;

/** The most references to a page that are read. Only where each of a thousand resources refers to twenty of it are they too few. */
const REFERRING_MAX = 20 * INCLUDE_MAX;

/** Rounds of `:iterate` after the first, which all includes have. */
const FURTHER_ROUNDS = 2;

/** Rows reached from the rows of `from` in one round. What is shown carries its references; other rounds read them. */
function reach(from: string, includes: readonly Include[]): string[] {
  const outgoing =
    from === 'shown' ? 'shown s' : `${from} f join directory.resource s on s.rk = f.rk and not s.deleted`;
  const forward = includes.filter((i) => !i.reverse);
  const parts: string[] = [];
  const untargeted = forward.filter((i) => i.target === undefined).map((i) => i.parameter);
  if (untargeted.length > 0)
    parts.push(
      `select u.ref as rk from ${outgoing}, unnest(s.refs, s.ref_params) u(ref, p) where u.p in (${untargeted.join(', ')})`,
    );
  for (const i of forward)
    if (i.target !== undefined)
      parts.push(
        `select u.ref as rk from ${outgoing}, unnest(s.refs, s.ref_params) u(ref, p) join directory.resource t on t.rk = u.ref and t.type = ${TYPE_IDS[i.target]} where u.p = ${i.parameter}`,
      );
  // what was included must be here: others may refer to something elsewhere that one of the page refers to
  const incoming = (target: Include['target']) =>
    from === 'shown' && target === undefined
      ? 'shown f'
      : `${from} f join directory.resource e on e.rk = f.rk and not e.deleted${target === undefined ? '' : ` and e.type = ${TYPE_IDS[target]}`}`;
  // lookup_pkey. A resource may refer to several of the page: as many as are included are read for each of them, not for all
  for (const i of includes)
    if (i.reverse)
      parts.push(
        `(select l.rk from ${incoming(i.target)} cross join lateral (select l.rk from directory.lookup l where l.token = ${referenceToken('f.rk', i.parameter)} limit ${INCLUDE_MAX + 1}) l limit ${REFERRING_MAX})`,
      );
  return parts;
}

/**
 * Common table expressions that end in `included(rk)`: rows outside `shown`, each once. Some may lead nowhere.
 */
export function includeTables(includes: readonly Include[]): string[] {
  const iterate = includes.filter((i) => i.iterate);
  const tables = [`round1 as (${reach('shown', includes).join(' union ')})`];
  const rounds = iterate.length > 0 ? FURTHER_ROUNDS : 0;
  for (let n = 1; n <= rounds; n++) tables.push(`round${n + 1} as (${reach(`round${n}`, iterate).join(' union ')})`);
  const found =
    rounds === 0
      ? 'round1'
      : `(${Array.from({ length: rounds + 1 }, (_, n) => `select rk from round${n + 1}`).join(' union ')})`;
  tables.push(`included as (select distinct i.rk from ${found} i where i.rk not in (select rk from shown))`);
  return tables;
}

/**
 * The included resources that are here, {@link INCLUDE_MAX} of them, and one more which tells that there would be more. Looked up one by
 * one, whatever the planner expects of their number. resource_pkey.
 * @param columns of the row `r`, which has rk, key and body
 */
export const includedRows = (columns: string): string =>
  `(select ${columns} from included i cross join lateral (
    select e.rk, e.key, e.body from directory.resource e where e.rk = i.rk and not e.deleted offset 0) r limit ${INCLUDE_MAX + 1})`;
