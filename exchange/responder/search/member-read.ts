// Read and search of members' records for the single-member flow: only members that were matched for the calling peer, within
// their consent, today; under the same conditions as the export. All others are as if they did not exist.
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { ID_PATTERN } from '../../../src/fhir/resource.ts';
import { type FhirEnv, fhirBody, route } from '../../../src/http/fhir-app.ts';
import { checkAccepts } from '../../../src/http/negotiate.ts';
import { sentChoice } from '../../members/consent/sent-choice.ts';
import { addresses } from '../../plan.ts';
import { isShared } from '../../records/facts/record-types.ts';
import { authorize, type Caller, insufficientScope, recordRefusal } from '../authorize.ts';
import { inTurn, pageInTurn } from '../concurrency-limit.ts';
import { hadRecord } from '../export/delivered.ts';
import { readPrefer } from '../prefer.ts';
import { choiceDocument } from './consent-document.ts';
import { has, include } from './include.ts';
import {
  daysOf,
  entryOf,
  grantsOfRecord,
  lacks,
  mayLack,
  NO_STORE,
  recordAccess,
  type Shown,
  searchset,
  shown,
  umbSystem,
} from './member-access.ts';
import { fits } from './member-criterion.ts';
import { type Grant, type MemberRow, memberPage, memberRows, PAGE_BYTES, type Position } from './member-read-rows.ts';
import { cursorOf, type MemberSearch, readMemberSearch } from './member-search-request.ts';
import { searchedMembers, windowsOf } from './search-members.ts';
import { pairsOf } from './search-pairs.ts';

/** Rows that are looked at with a criterion before a page is ended early, with a link to the next. */
const MAX_LOOKED = 5000;
const BATCH = 500;
/** The same where only their number is asked for: it comes at once or not at all. */
const MOST_COUNTED = 30_000;
/** The same of members when none is named, whether or not anything of theirs is found. */
const MAX_MEMBERS = 2000;
/** In the order of a member's records behind all of them. */
const END = { type: 'zzzz', id: '-' };

/** The caller, when its scopes cover this interaction with this type. */
export async function admitted(
  c: Context<FhirEnv>,
  deps: Deps,
  type: string,
  way: 'reads' | 'searches',
): Promise<Caller> {
  const caller = await authorize(c, deps);
  if (!has(caller[way], type))
    return insufficientScope(c, deps, caller, `system/${type}.${way === 'reads' ? 'r' : 's'}`);
  checkAccepts(c.req.header('accept'), c.req.query('_format'));
  return caller;
}

export function memberRead(deps: Deps, type: string) {
  const template = `/exchange/fhir/${type}/:id`;
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, template);
    const caller = await admitted(c, deps, type, 'reads');
    const id = c.req.param('id') ?? '';
    const found = ID_PATTERN.test(id) ? await findOne(deps, caller, type, id) : undefined;
    if (!found) {
      const choice =
        type === 'DocumentReference' && ID_PATTERN.test(id)
          ? await sentChoice(deps.database.sql, caller.peer.id, id)
          : undefined;
      if (choice) {
        await recordAccess(c, deps, caller, { action: 'read', object: `${type}/${id}` }, [], [choice.memberId]);
        return fhirBody(c, JSON.stringify(choiceDocument(deps, id, choice)), 200, NO_STORE);
      }
      await refuseDeleted(c, deps, caller, type, id);
      await recordRefusal(c, deps, caller.peer, 'not-granted', `${type}/${id}`);
      throw new Outcome('not-found');
    }
    const rows = 'memberId' in found.row ? [found.row] : [];
    await recordAccess(c, deps, caller, { action: 'read', object: `${type}/${id}` }, rows, []);
    const etag = `W/"${found.row.version}"`;
    const headers = { ...NO_STORE, etag, 'last-modified': found.row.lastUpdated.toUTCString() };
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers);
    return fhirBody(c, found.text, 200, headers);
  };
}

/**
 * @throws Outcome 410 for a record that an export to this peer held, of a member whom it may still see. Asked of every
 * other too: the time tells nothing
 */
async function refuseDeleted(c: Context<FhirEnv>, deps: Deps, caller: Caller, type: string, id: string): Promise<void> {
  if (isShared(type) || !ID_PATTERN.test(id)) return;
  const grants = await grantsOfRecord(deps, caller.peer.id, type, id);
  const members = grants.map((g) => g.memberId);
  const memberId = await hadRecord(deps.database.sql, caller.peer.id, members, type, id);
  if (memberId === undefined) return;
  await recordAccess(c, deps, caller, { action: 'read', object: `${type}/${id}` }, [], [memberId]);
  throw new Outcome('gone');
}

async function findOne(deps: Deps, caller: Caller, type: string, id: string): Promise<Shown | undefined> {
  const { sql } = deps.database;
  if (isShared(type)) {
    const row = await entryOf(deps, caller.peer.id, `${type}/${id}`);
    return row && { row, text: row.text, resource: { resourceType: type } };
  }
  const days = daysOf(deps);
  const grants = await grantsOfRecord(deps, caller.peer.id, type, id);
  const rows = await memberRows(sql, grants, days, { types: [type], ids: [id], limit: 1 });
  const [one] = await shown(deps, rows);
  return one;
}

export function memberSearch(deps: Deps, type: string) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/fhir/${type}${c.req.method === 'POST' ? '/_search' : ''}`);
    const caller = await admitted(c, deps, type, 'searches');
    const { handling } = readPrefer(c.req.header('prefer'));
    const base = addresses(deps.config).fhir;
    const options = { lenient: handling === 'lenient', umbSystem: umbSystem(deps), base };
    const search = readMemberSearch(type, await pairsOf(c), options);
    if (search.withProvenance && !has(caller.searches, 'Provenance'))
      return insufficientScope(c, deps, caller, 'system/Provenance.s');
    const { grants, asked, missed } = await searchedMembers(deps, caller, search);
    for (const object of missed) await recordRefusal(c, deps, caller.peer, 'not-granted', object);
    const answer = async (page: Page): Promise<Response> => {
      if (search.isCounted)
        return counted(c, deps, caller, search, page, { asked, looked: page.grants.map((g) => g.memberId) });
      const { found, included, isCut } = await include(deps, caller, page.grants, search, page.found);
      const next = found.length < page.found.length ? placeOf(found.at(-1)) : page.next;
      const leaving = [...found, ...included].map((s) => s.row).filter((r): r is MemberRow => 'memberId' in r);
      await recordAccess(c, deps, caller, { action: 'search', object: type }, leaving, asked);
      const url = (more: [string, string][]) =>
        `${base}/${type}?${new URLSearchParams([...search.applied, ...more]).toString()}`;
      const links = [{ relation: 'self', url: url([]) }];
      if (next) links.push({ relation: 'next', url: url([['_page', cursorOf(next)]]) });
      const isWhole = next === undefined && search.after === undefined;
      const entries = [
        ...found.map((s) => ({ shown: s, mode: 'match' as const })),
        ...included.map((s) => ({ shown: s, mode: 'include' as const })),
      ];
      const total = isWhole ? found.length : undefined;
      return fhirBody(c, searchset(base, links, entries, total, lacks(page.isLacking, isCut)), 200, NO_STORE);
    };
    if (grants !== undefined)
      return pageInTurn(c, deps, caller, async () => answer(await findPage(deps, [grants], search)));
    return inTurn(c, deps, caller, async () =>
      answer(await findPage(deps, windowsOf(deps, caller, search.after), search)),
    );
  };
}

const placeOf = (s: Shown | undefined): Position | undefined =>
  s && 'memberId' in s.row ? { memberId: s.row.memberId, type: s.row.type, id: s.row.id } : undefined;

/**
 * How many there are, and none of them. That is disclosed of who is `asked` for by name, or of the only one who was
 * `looked` at; of many it is the number of no one, and the trail tells alone that all of them were looked at.
 * @throws Outcome search-too-complex when they were not all counted
 */
export async function counted(
  c: Context<FhirEnv>,
  deps: Deps,
  caller: Caller,
  search: MemberSearch,
  page: Pick<Page, 'fitting' | 'next' | 'isLacking'>,
  { asked, looked = [] }: { asked: readonly string[]; looked?: readonly string[] },
): Promise<Response> {
  const { type } = search;
  const base = addresses(deps.config).fhir;
  if (page.next !== undefined)
    throw new Outcome(
      'search-too-complex',
      'There are more to look at than are counted. Name a member, or ask for less.',
    );
  const about = [...new Set([...asked, ...looked])];
  const isTold = asked.length > 0 || about.length === 1;
  await recordAccess(c, deps, caller, { action: 'search', object: type }, [], about, {
    counted: isTold ? page.fitting : 0,
  });
  const url = `${base}/${type}?${new URLSearchParams(search.applied).toString()}`;
  const links = [{ relation: 'self', url }];
  return fhirBody(c, searchset(base, links, [], page.fitting, lacks(page.isLacking, false)), 200, NO_STORE);
}

/** `fitting`: how many were found, which are in `found` unless only their number is asked for */
type Page = { found: Shown[]; fitting: number; grants: Grant[]; next: Position | undefined; isLacking: boolean };

/**
 * One page, read in batches: a criterion may leave few of the rows that are read.
 * @param windows whose records are looked at: all at once when they are named, or in the order of their ids
 * @returns with the grants of those of whom something is found
 */
async function findPage(
  deps: Deps,
  windows: Iterable<readonly Grant[]> | AsyncIterable<readonly Grant[]>,
  search: MemberSearch,
): Promise<Page> {
  const found: Shown[] = [];
  const grants = new Map<string, Grant>();
  let after = search.isCounted ? undefined : search.after;
  let isLacking = false;
  let fitting = 0;
  const page = (next: Position | undefined) => ({ found, fitting, grants: [...grants.values()], next, isLacking });
  const { isCounted } = search;
  const isPlain = search.criteria.length === 0 && !isCounted;
  const most = isCounted ? MOST_COUNTED : MAX_LOOKED;
  const limit = isPlain ? search.count + 1 : BATCH;
  let looked = 0;
  let held = 0;
  let members = 0;
  for await (const part of windows) {
    // the window before was not the last one
    if (members >= MAX_MEMBERS) return page(after);
    const ofMember = new Map(part.map((g) => [g.memberId, g]));
    if (await mayLack(deps, part)) isLacking = true;
    for (let hasMore = true; hasMore; ) {
      const { rows, isCut } = await memberPage(deps.database.sql, part, daysOf(deps), {
        types: [search.type],
        ids: search.ids,
        from: search.from,
        to: search.to,
        after,
        limit,
      });
      hasMore = isCut || rows.length === limit;
      for (const one of await shown(deps, rows)) {
        const row = one.row as MemberRow;
        if (fits(one.resource, search.criteria)) {
          if (found.length === search.count || held >= PAGE_BYTES) return page(after);
          fitting++;
          if (!isCounted) {
            found.push(one);
            held += one.text.length;
          }
          const grant = ofMember.get(row.memberId);
          if (grant) grants.set(row.memberId, grant);
        }
        after = { memberId: row.memberId, type: row.type, id: row.id };
        if (++looked >= most && !isPlain) return page(after);
      }
      if (isCut && isPlain) return page(after);
    }
    const last = part.at(-1);
    if (last) after = { memberId: last.memberId, ...END };
    members += part.length;
  }
  return page(undefined);
}
