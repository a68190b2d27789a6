// Roles by kind of care near a point that have no entry of both (care-at.ts): those that tell the kind in words, and those whose place is
// that of their services. Few directories have any, and those have few of a kind: they are looked up before the search, which then stays
// the one that it would be without them.

import type { Criterion } from '../fhir/search/criterion.ts';
import { BY_SERVICE, SAID, SITED, saidForm } from '../fhir/search/criterion-place.ts';
import { boxesOf } from '../fhir/search/near.ts';
import { CARE } from '../fhir/search/reached.ts';
import type { SearchRequest } from '../fhir/search/request.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import type { CareAt } from './care-at.ts';
import { arrayLiteral, type Queryable } from './database.ts';
import { rawRows } from './raw-rows.ts';
import { boxTest, distanceBetween, positioned } from './search-further.ts';
import { binder } from './search-page.ts';

/** More of a kind than these are searched for with the rest. */
const MOST = 5000;

/** The forms that these criteria look for under a seed, wherever they ask for them. */
function formsOf(criteria: readonly Criterion[], seed: number): string[] {
  return criteria.flatMap((c) => {
    if (c.kind === 'any' || c.kind === 'all') return formsOf(c.of, seed);
    return c.kind === 'token' && c.seed === seed ? c.forms : [];
  });
}

type Beside = { said: string[]; sited: string[] };

/** What the alternatives beside an entry ask for: a kind of care in words, at own places or at those of services, or one that has a code there. */
function besideOf(care: CareAt, others: readonly Criterion[]): Beside {
  const said = [...new Set(formsOf(others, SAID.seed))];
  const isSited = formsOf(others, SITED.seed).length > 0;
  return { said, sited: isSited ? [...new Set([...care.forms, ...said.map(saidForm)])] : [] };
}

/**
 * `rk, distance` of the roles, and one row of the number of those that were looked at, under the key 0. lookup_pkey, then resource_pkey and
 * place_pkey for each.
 */
function statement({ circles, networks }: CareAt, { said, sited }: Beside, most: number) {
  const { values, bind } = binder();
  const tokens = (forms: string[], seed: number) =>
    `select l.rk, ${seed === SITED.seed} as sited from directory.lookup l where l.token = any(array(
       select hashtextextended(f, ${seed}) from unnest(${bind(arrayLiteral(forms), 'text[]')}) f))`;
  const keys = networks === undefined ? undefined : bind(arrayLiteral(networks), 'text[]');
  const among =
    keys === undefined
      ? ''
      : ` and exists (select from unnest(r.refs, r.ref_params) n(ref, param) where n.param = ${CARE.network}
           and n.ref in (select hashtextextended(k, 0) from unnest(${keys}) k))`;
  const tests = circles.map((circle) => {
    const away = distanceBetween('p.at[0]', 'p.at[1]', circle, bind);
    const boxes = boxesOf(circle).map((box) => boxTest('p.at[0]', 'p.at[1]', box, bind));
    const within = `(${boxes.join(' or ')}) and ${away} <= ${bind(String(circle.meters), 'float8')}`;
    return { away, test: `${within}${positioned(circle, 'p')}` };
  });
  const least = tests.map(({ away, test }) => `case when ${test} then ${away} end`).join(', ');
  const text = `with given as materialized (
      select distinct rk, sited from (${tokens(said, SAID.seed)} union all ${tokens(sited, SITED.seed)}) t limit ${most + 1}
    ), few as materialized (
      select * from given where (select count(*) from given) <= ${most}
    ), standing as (
      select g.rk, u.ref as place from few g cross join lateral (
          select f.refs, f.ref_params from directory.resource f
          where f.rk = g.rk and f.type = ${TYPE_IDS.PractitionerRole} and not f.deleted offset 0) r
        cross join lateral unnest(r.refs, r.ref_params) u(ref, param)
      where not g.sited and u.param = ${CARE.along}${among}
      union all
      select g.rk, v.ref from few g cross join lateral (
          select f.refs, f.ref_params from directory.resource f
          where f.rk = g.rk and f.type = ${TYPE_IDS.PractitionerRole} and not f.deleted offset 0) r
        cross join lateral unnest(r.refs, r.ref_params) u(ref, param)
        cross join lateral (select s.refs, s.ref_params from directory.resource s
          where s.rk = u.ref and s.type = ${TYPE_IDS.HealthcareService} and not s.deleted offset 0) s
        cross join lateral unnest(s.refs, s.ref_params) v(ref, param)
      where g.sited and u.param = ${BY_SERVICE.service} and v.param = ${BY_SERVICE.location}${among}
    )
    select rk, min(distance) from (
      select t.rk, least(${least}) as distance from standing t
        cross join lateral (select f.at, f.approximate from directory.place f where f.rk = t.place offset 0) p
    ) d where distance is not null group by rk
    union all select 0, (select count(*) from given)`;
  return { text, values };
}

async function found(
  sql: Queryable,
  care: CareAt,
  others: readonly Criterion[],
  most: number,
): Promise<CareAt['found']> {
  const { text, values } = statement(care, besideOf(care, others), most);
  const rows = await rawRows(sql, text, values, { prepare: true, short: true });
  try {
    const all = Array.from({ length: rows.length }, (_, i) => ({
      rk: rows.text(i, 0) ?? '',
      distance: rows.text(i, 1) ?? '',
    }));
    const looked = Number(all.find((one) => one.rk === '0')?.distance);
    return looked > most ? undefined : all.filter((one) => one.rk !== '0');
  } finally {
    rows.release();
  }
}

/** The request with the roles that have no entry of care and place; itself when it has none to look for, or too many. */
export async function resolveBeside(sql: Queryable, request: SearchRequest, most = MOST): Promise<SearchRequest> {
  const criteria: Criterion[] = [];
  for (const c of request.criteria) {
    const [care, ...others] = c.kind === 'any' ? c.of : [];
    const beside = care?.kind === 'care-at' && others.length > 0 ? await found(sql, care, others, most) : undefined;
    criteria.push(care?.kind === 'care-at' && beside ? { ...care, found: beside } : c);
  }
  return { ...request, criteria };
}
