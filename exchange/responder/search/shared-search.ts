// Search of directory entries by a peer: those that the records of its members name, and those that these name in turn,
// which are those that an export to it would hold. Of others it is not reported whether they are here.
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { type FhirEnv, fhirBody, route } from '../../../src/http/fhir-app.ts';
import { addresses } from '../../plan.ts';
import { EXPORT_ORDER } from '../../records/facts/record-types.ts';
import { type Caller, recordRefusal } from '../authorize.ts';
import { inTurn, pageInTurn } from '../concurrency-limit.ts';
import { readPrefer } from '../prefer.ts';
import { countRecords } from './candidate-members.ts';
import { include } from './include.ts';
import {
  daysOf,
  grantsFrom,
  grantsOf,
  lacks,
  mayLack,
  NO_STORE,
  recordAccess,
  type Shown,
  searchset,
  umbSystem,
} from './member-access.ts';
import { fits } from './member-criterion.ts';
import { admitted, counted } from './member-read.ts';
import { type Grant, type MemberRow, PAGE_BYTES, type Position, sharedKeysOf, sharedOf } from './member-read-rows.ts';
import { cursorOf, type MemberSearch, readMemberSearch } from './member-search-request.ts';
import { pairsOf } from './search-pairs.ts';

/** Entries that are looked at with a criterion before a page is ended early, with a link to the next. */
const MAX_LOOKED = 2000;
/** and bytes of them, which are held until the page is made. */
const LOOKED_BYTES = 8 * PAGE_BYTES;
/** Members, and records of them, that are looked through when none is named: what they name is found out as a whole, at each page. */
const MOST_MEMBERS = 1000;
const MOST_RECORDS = 40_000;
/** Stands in a place of the order where records have their member. */
const NOBODYS = '-';

export function sharedSearch(deps: Deps, type: string) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/fhir/${type}${c.req.method === 'POST' ? '/_search' : ''}`);
    const caller = await admitted(c, deps, type, 'searches');
    const { handling } = readPrefer(c.req.header('prefer'));
    const base = addresses(deps.config).fhir;
    const options = { lenient: handling === 'lenient', umbSystem: umbSystem(deps), base };
    const search = readMemberSearch(type, await pairsOf(c), options);
    const turn = search.members === undefined ? inTurn : pageInTurn;
    return turn(c, deps, caller, () => answer(c, deps, caller, search));
  };
}

async function answer(c: Context<FhirEnv>, deps: Deps, caller: Caller, search: MemberSearch): Promise<Response> {
  const { type } = search;
  const base = addresses(deps.config).fhir;
  const grants =
    search.members === undefined
      ? await allGrants(deps, caller.peer.id)
      : await grantsOf(deps, caller.peer.id, search.members);
  const granted = new Set(grants.map((g) => g.memberId));
  for (const m of search.members ?? [])
    if (!granted.has(m)) await recordRefusal(c, deps, caller.peer, 'not-granted', `Patient/${m}`);
  const isLacking = await mayLack(deps, grants);
  // whom a member sees is about the member
  const asked = search.members === undefined ? [] : [...granted];
  const page = await findPage(deps, grants, search);
  if (search.isCounted) return counted(c, deps, caller, search, { ...page, isLacking }, { asked });
  // a directory entry names no member
  const { found, included, isCut } = await include(deps, caller, [], search, page.found, grants);
  const last = found.at(-1);
  const next =
    last && found.length < page.found.length ? { memberId: NOBODYS, type: last.row.type, id: last.row.id } : page.next;
  const members = included.map((s) => s.row).filter((r): r is MemberRow => 'memberId' in r);
  const besides = [...found, ...included].filter((s) => !('memberId' in s.row));
  await recordAccess(c, deps, caller, { action: 'search', object: type }, members, asked, { entries: besides });
  const url = (more: [string, string][]) =>
    `${base}/${type}?${new URLSearchParams([...search.applied, ...more]).toString()}`;
  const links = [{ relation: 'self', url: url([]) }];
  if (next) links.push({ relation: 'next', url: url([['_page', cursorOf(next)]]) });
  const entries = [
    ...found.map((s) => ({ shown: s, mode: 'match' as const })),
    ...included.map((s) => ({ shown: s, mode: 'include' as const })),
  ];
  const total = next === undefined && search.after === undefined ? found.length : undefined;
  return fhirBody(c, searchset(base, links, entries, total, lacks(isLacking, isCut)), 200, NO_STORE);
}

/**
 * All whom the peer may see.
 * @throws Outcome missing-parameter when they or their records are more than are looked through
 */
async function allGrants(deps: Deps, peerId: string): Promise<Grant[]> {
  const grants = await grantsFrom(deps, peerId, '', MOST_MEMBERS + 1);
  const members = grants.map((g) => g.memberId);
  const isMany = (counted: number, most: number, what: string) => {
    if (counted > most)
      throw new Outcome(
        'missing-parameter',
        `Name a member whose records name it: patient=Patient/…. More than ${most} ${what} are not looked through.`,
      );
  };
  isMany(members.length, MOST_MEMBERS, 'members');
  isMany(await countRecords(deps.database.sql, members, MOST_RECORDS + 1), MOST_RECORDS, 'records');
  return grants;
}

/** One page, by one statement: what the members' records name is found out as a whole. */
async function findPage(
  deps: Deps,
  grants: readonly Grant[],
  search: MemberSearch,
): Promise<{ found: Shown[]; fitting: number; next: Position | undefined }> {
  const isLooking = search.criteria.length > 0;
  const wanted = { types: [search.type], of: EXPORT_ORDER, ids: search.ids, from: search.from, to: search.to };
  if (search.isCounted && !isLooking) {
    const keys = await sharedKeysOf(deps.database.sql, grants, daysOf(deps), wanted);
    return { found: [], fitting: keys.length, next: undefined };
  }
  const { rows, isCut } = await sharedOf(deps.database.sql, grants, daysOf(deps), {
    ...wanted,
    after: search.isCounted ? undefined : search.after,
    limit: isLooking ? MAX_LOOKED : search.count,
    bytes: isLooking ? LOOKED_BYTES : PAGE_BYTES,
  });
  const found: Shown[] = [];
  let fitting = 0;
  let held = 0;
  let last: Position | undefined;
  for (const row of rows) {
    const resource = JSON.parse(row.text) as Resource;
    if (fits(resource, search.criteria)) {
      if (found.length === search.count || held >= PAGE_BYTES) return { found, fitting, next: last };
      fitting++;
      if (!search.isCounted) {
        found.push({ row, text: row.text, resource });
        held += row.text.length;
      }
    }
    last = { memberId: NOBODYS, type: row.type, id: row.id };
  }
  return { found, fitting, next: isCut ? last : undefined };
}
