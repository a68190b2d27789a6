// Roles by kind of care near a point that have no entry of both (care-at.ts): those that tell the kind in words, and those whose place is
// that of their services. Few directories have any, and those have few of a kind: they are looked up before the search, which then stays
// the one that it would be without them.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { BY_SERVICE, SAID, SITED, saidForm } from '../../src/fhir/search/criterion-place.ts';
import { boxesOf } from '../../src/fhir/search/near.ts';
import { CARE } from '../../src/fhir/search/reached.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { boxTest, distanceBetween, placesIn, positioned } from './additional-conditions.ts';
import type { CareAt } from './care-at.ts';
import { binder } from './search-page.ts';

/** More than `most` of a kind are searched for with the rest. `many` of them, and so many `times` as many as there are places near, are found from these. */
const BOUNDS = { most: 5000, many: 400, times: 2 };

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
 * place_pkey for each; or place_at, and lookup_pkey from each place.
 */
function statement({ circles, networks }: CareAt, { said, sited }: Beside, { most, many, times }: typeof BOUNDS) {
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
  const places = placesIn(circles, bind, (away) => `p.rk, ${away} as distance`);
  /** Roles of the kind at what a place leads to. They are asked for in a set: a join would compare each with each. */
  const stands = (from: string, param: number, which: string, through = ''): string =>
    `select l.rk, w.distance from near w ${through} cross join lateral (
        select l.rk from directory.lookup l where l.token = ${referenceToken(from, param)} offset 0) l
      where (select by_place from way) and (l.rk in (select rk from given where ${which})) is true`;
  const text = `with given as materialized (
      select distinct rk, sited from (${tokens(said, SAID.seed)} union all ${tokens(sited, SITED.seed)}) t limit ${most + 1}
    ), near as materialized (
      select rk, min(distance) as distance from (${places}) p where (select count(*) from given) between ${many} and ${most}
      group by rk limit ${Math.ceil(most / times)}
    ), way as materialized (
      select n between ${many} and ${most} and ${times} * places < n as by_place, n <= ${most} as few
      from (select count(*) as n from given) g, (select count(*) as places from near) p
    ), there as (
      ${among === '' ? '' : `select t.rk, t.distance from (`}${stands('w.rk', CARE.along, 'not sited')}
      union all ${stands(
        's.rk',
        BY_SERVICE.service,
        'sited',
        `cross join lateral (
        select l.rk from directory.lookup l where l.token = ${referenceToken('w.rk', BY_SERVICE.location)} offset 0) s`,
      )}${
        among === ''
          ? ''
          : `) t cross join lateral (
        select f.refs, f.ref_params from directory.resource f where f.rk = t.rk and not f.deleted offset 0) r where true${among}`
      }
    ), few as materialized (
      select g.* from given g where (select few and not by_place from way)
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
      union all select rk, distance from there
    ) d where distance is not null group by rk
    union all select 0, (select count(*) from given)`;
  return { text, values };
}

async function found(
  sql: Queryable,
  care: CareAt,
  others: readonly Criterion[],
  bounds: typeof BOUNDS,
): Promise<CareAt['found']> {
  const { text, values } = statement(care, besideOf(care, others), bounds);
  const rows = await rawRows(sql, text, values, { prepare: true, short: true });
  const all = Array.from({ length: rows.length }, (_, i) => ({
    rk: rows.text(i, 0) ?? '',
    distance: rows.text(i, 1) ?? '',
  }));
  const looked = Number(all.find((one) => one.rk === '0')?.distance);
  return looked > bounds.most ? undefined : all.filter((one) => one.rk !== '0');
}

/** The request with the roles that have no entry of care and place; itself when it has none to look for, or too many. */
export async function resolveBeside(sql: Queryable, request: SearchRequest, bounds = BOUNDS): Promise<SearchRequest> {
  const criteria: Criterion[] = [];
  for (const c of request.criteria) {
    const [care, ...others] = c.kind === 'any' ? c.of : [];
    const beside = care?.kind === 'care-at' && others.length > 0 ? await found(sql, care, others, bounds) : undefined;
    criteria.push(care?.kind === 'care-at' && beside ? { ...care, found: beside } : c);
  }
  return { ...request, criteria };
}
