// Roles by kind of care, place on the map and network, as one entry for all three: each of them alone has very many rows, and
// what meets them together is few. Made from the rows of roles and places (directory/resource/resource-reach.ts).

import { arrayLiteral } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import type { Entries } from '../../src/fhir/search/entries.ts';
import { boxesOf } from '../../src/fhir/search/near.ts';
import { CARE } from '../../src/fhir/search/reached.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { SQUARES_A_DEGREE, SQUARES_ACROSS, squaresIn } from '../../src/fhir/search/squares.ts';
import { spellingsOf } from '../../src/fhir/search/token.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { storedForms } from '../../src/fhir/search/usual-system.ts';
import { isLike } from '../resource/vocabulary.ts';
import { boxTest, distanceBetween, positioned } from './additional-conditions.ts';
import { isSource } from './search-kinds.ts';
import type { Bind } from './search-set.ts';
import type { Frequencies } from './token-frequency.ts';

export type CareAt = Extract<Criterion, { kind: 'care-at' }>;

/** The token of a kind of care is a hash; a square moves it by a number that no other square does. */
const SPREAD = 8_796_093_022_151; // odd, below 2^43: times any square it is a bigint
const squareOf = (x: string, y: string): string =>
  `(floor((${y} + 90) * ${SQUARES_A_DEGREE})::bigint * ${SQUARES_ACROSS} + floor((${x} + 180) * ${SQUARES_A_DEGREE})::bigint)`;

/** A role of more networks than these has one entry for all: such networks are looked up. */
const MOST_NETWORKS = 4;

const elements = (json: string): string =>
  `json_array_elements(case json_typeof(${json}) when 'array' then ${json} else '[]' end)`;

/**
 * A body as json, which leaves numbers as they are written: jsonb takes none of more digits than its own. U+0000 and halves of characters, which
 * JSON may write and a text cannot hold, are blanks.
 */
const READABLE = String.raw`(case when strpos(s.body, '\u') = 0 then s.body
      else regexp_replace(s.body, '\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\u0020', 'g') end)::json`;

const SPELLINGS = spellingsOf(CARE.system)
  .map((spelling) => `'${spelling}'`)
  .join(', ');

/** Tokens of the specialties of a role, out of its text: {@link isEntered} of the forms that the index has. */
const OF_BODY = `cross join lateral (select distinct hashtextextended(f.form, ${CARE.of}) as token
    from (select ${READABLE} -> 'specialty' as held offset 0) b cross join ${elements('b.held')} e(concept)
    cross join ${elements(`e.concept -> 'coding'`)} c(coding)
    cross join lateral (select nullif(c.coding ->> 'system', '') as system, replace(lower(nullif(c.coding ->> 'code', '') collate "C"), '|', E'\\x1f') as code) v
    cross join lateral unnest(case when v.system in (${SPELLINGS}) then array['${CARE.system}|' || coalesce(v.code, '')]
      when v.code is null then '{}' when v.system is null then array[v.code, '|' || v.code] else array[v.code] end) f(form)) k`;

/** While a directory is loaded the tokens stand in a table beside it: they need not be read once more. */
export const CARE_KINDS = 'care_kinds';

/**
 * `token, network, rk, x, y, approximate` of live roles, each once. A network of 0: the role has none, or more than are entered.
 * @param roles a table of the columns of `directory.resource`
 * @param place joins the row `p` of `directory.place` whose key is `u.ref`
 * @param kinds a table `rk, token` of the specialties of these roles; without it they are read
 */
export const careRows = (roles: string, place: string, kinds?: string): string =>
  `select distinct k.token # (${squareOf('p.at[0]', 'p.at[1]')} * ${SPREAD}) as token, w.network, s.rk, p.at[0] as x, p.at[1] as y, p.approximate
   from ${roles} s cross join lateral unnest(s.refs, s.ref_params) u(ref, param) ${place}
   ${kinds === undefined ? OF_BODY : `join ${kinds} k on k.rk = s.rk`}
   cross join lateral (select array_agg(distinct n.ref) as held from unnest(s.refs, s.ref_params) n(ref, param) where n.param = ${CARE.network}) n
   cross join lateral unnest(case when cardinality(n.held) <= ${MOST_NETWORKS} then n.held else '{0}' end) w(network)
   where s.type = ${TYPE_IDS.PractitionerRole} and not s.deleted and u.param = ${CARE.along}`;

/** Entries that a role may have: a hundred times those of a doctor of ten kinds at twenty-five places. */
export const MOST_ENTRIES = 100_000;

/**
 * How many entries a role has at most: they are its specialties times its places times its networks, so that 40 KB of text could be
 * 80 MB of them.
 */
export function careEntries({ tokens, tokenSeeds, refs, refParams, logical = [] }: Entries): number {
  const refsOf = (param: number) =>
    new Set(refs.filter((_, i) => refParams[i] === param)).size + logical.filter((l) => l.param === param).length;
  const places = refsOf(CARE.along);
  if (places === 0) return 0;
  const kinds = new Set(tokens.filter((token, i) => tokenSeeds[i] === CARE.of && isEntered(token))).size;
  const networks = refsOf(CARE.network);
  return kinds * places * (networks === 0 || networks > MOST_NETWORKS ? 1 : networks);
}

/** Entries that are looked for, at most: more squares are asked otherwise. */
const MOST_TOKENS = 4000;
const MOST_KEYS = 20;
/** What has fewer rows begins a search, and is asked for the rest. */
const RARE = 200;

/** What letters are small does not depend on the database for these. */
const ASCII = /^[ -~]*$/;

/** Does the index tell by its form alone where a role has it? Not those of other systems. */
export const isEntered = (form: string): boolean => !form.slice(1).includes('|') || form.startsWith(`${CARE.system}|`);

/** A search for roles by kind of care and distance, perhaps by network, with these as one criterion; itself where they are not asked together. */
export function joinCare(request: SearchRequest, known: Frequencies): SearchRequest {
  if (request.type !== 'PractitionerRole' || request.criteria.some(isLike)) return request;
  const near = request.criteria.find((c) => isNearPlace(alternatives(c)[0]));
  const care = request.criteria.find((c) => isCare(alternatives(c)[0]) && alternatives(c).every(isToken));
  if (near === undefined || care === undefined) return request;
  const [place] = alternatives(near);
  const [kind] = alternatives(care);
  if (place?.kind !== 'chain' || place.of.kind !== 'near' || kind?.kind !== 'token') return request;
  const held = kind.forms.flatMap((form) => storedForms(kind.seed, form));
  if (held.length === 0 || !held.every((form) => isEntered(form) && ASCII.test(form))) return request;
  const { circles } = place.of;
  const squares = squaresIn(circles.flatMap(boxesOf), Math.floor(MOST_TOKENS / held.length));
  const network = request.criteria.find(
    (c) => c.kind === 'reference' && c.seed === CARE.network && c.keys.length > 0 && c.keys.length <= MOST_KEYS,
  );
  const rest = request.criteria.filter((c) => c !== near && c !== care && c !== network);
  // the nearest are looked for from their places outward in any case
  const begins = request.sort.some((key) => key.by === 'near')
    ? undefined
    : rest.find((c) => isSource(c) && known.rows(c) < RARE);
  if (squares === undefined || begins !== undefined) return request;
  const networks = network?.kind === 'reference' ? network.keys : undefined;
  const joined: Criterion = { kind: 'care-at', forms: held, squares, circles, networks };
  // what else may be near, or may be the kind of care, has no such entries
  const others = alternatives(near).flatMap((n) =>
    alternatives(care)
      .filter((k) => n !== place || k !== kind)
      .map(
        (k): Criterion => ({
          kind: 'all',
          type: 'PractitionerRole',
          of: [...(n.kind === 'all' ? n.of : [n]), k, ...(network === undefined ? [] : [network])],
        }),
      ),
  );
  return { ...request, criteria: [others.length === 0 ? joined : { kind: 'any', of: [joined, ...others] }, ...rest] };
}

const alternatives = (c: Criterion): readonly Criterion[] => (c.kind === 'any' ? c.of : [c]);
const isToken = (c: Criterion): boolean => c.kind === 'token' && !c.negated;
const isCare = (c: Criterion | undefined): boolean => c?.kind === 'token' && c.seed === CARE.of && !c.negated;
const isNearPlace = (c: Criterion | undefined): boolean =>
  c?.kind === 'chain' && c.seed === CARE.along && c.of.kind === 'near';

/** `select rk` of these roles, or `rk, distance` in meters of each place in the circles. care_at_pkey, and lookup_pkey for roles of many networks. */
export function careSet(
  { forms: held, squares, circles, networks, found = [] }: CareAt,
  bind: Bind,
  away: boolean,
): string {
  const tokens = `select hashtextextended(f, ${CARE.of}) # (s * ${SPREAD}) from unnest(${bind(arrayLiteral(held), 'text[]')}) f, unnest(${bind(arrayLiteral(squares), 'bigint[]')}) s`;
  const tests = circles.map((circle) => {
    const meters = bind(String(circle.meters), 'float8');
    const distance = distanceBetween('c.x', 'c.y', circle, bind);
    return {
      distance,
      test: `(${boxesOf(circle)
        .map((box) => boxTest('c.x', 'c.y', box, bind))
        .join(' or ')}) and ${distance} <= ${meters}${positioned(circle, 'c')}`,
    };
  });
  const keys = networks === undefined ? undefined : bind(arrayLiteral(networks), 'text[]');
  const among =
    keys === undefined
      ? ''
      : ` and c.network = any(array(select 0 union all select hashtextextended(k, 0) from unnest(${keys}) k))
      and (c.network <> 0 or exists (select from directory.lookup n where n.rk = c.rk
        and n.token in (select ${referenceToken('hashtextextended(k, 0)', CARE.network)} from unnest(${keys}) k)))`;
  const measured = away
    ? `, least(${tests.map((t) => `case when ${t.test} then ${t.distance} end`).join(', ')}) as distance`
    : '';
  const rks = () => bind(arrayLiteral(found.map((f) => f.rk)), 'bigint[]');
  const further =
    found.length === 0
      ? ''
      : away
        ? ` union all select f.rk, f.distance from unnest(${rks()}, ${bind(arrayLiteral(found.map((f) => f.distance)), 'float8[]')}) f(rk, distance)`
        : ` union all select unnest(${rks()})`;
  return `select c.rk${measured} from directory.care_at c where c.token = any(array(${tokens}))${among}
    and (${tests.map((t) => t.test).join(' or ')})${further}`;
}
