// Patient/[id]/$everything, by GET or POST: all that an export would hold of one member, in pages: the Patient first, then the records,
// the directory entries that they name, and at the end who transmits them.
// https://hl7.org/fhir/R4/patient-operation-everything.html
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { formatInstant, parseInstant } from '../../../src/fhir/instant.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { ID_PATTERN } from '../../../src/fhir/resource.ts';
import { type FhirEnv, fhirBody, route } from '../../../src/http/fhir-app.ts';
import { addresses, ourselves } from '../../plan.ts';
import { EXPORT_ORDER, SHARED_TYPES } from '../../records/facts/record-types.ts';
import { type Caller, recordRefusal } from '../authorize.ts';
import { pageInTurn } from '../concurrency-limit.ts';
import { type Given, givenParameters } from '../export/read-parameters.ts';
import { MAX_TARGETS, sharedTransmitters, transmitterProvenance } from '../export/transmitter.ts';
import { readPrefer } from '../prefer.ts';
import {
  daysOf,
  grantsOf,
  grantsSince,
  NO_STORE,
  recordAccess,
  type Shown,
  searchset,
  shown,
} from './member-access.ts';
import { admitted } from './member-read.ts';
import {
  type Grant,
  leavingKeys,
  type MemberRow,
  memberPage,
  memberRows,
  PAGE_BYTES,
  type Position,
  sharedKeysOf,
  sharedOf,
} from './member-read-rows.ts';
import { cursorOf, readCount, readCursor } from './member-search-request.ts';

type Asked = { types: readonly string[]; since: Date | undefined; count: number; after: Position | undefined };
const COUNT_DEFAULT = 100;
/** A place among the directory entries: types of records come before it. */
const SHARED_MARK = 'Shared';

function readAsked(given: Given, caller: Caller, lenient: boolean, now: Date): Asked {
  const asked: Asked = { types: [], since: undefined, count: COUNT_DEFAULT, after: undefined };
  const named: string[] = [];
  for (const { name, value } of given) {
    if (name === '_count') asked.count = readCount(value);
    else if (name === '_page') asked.after = readCursor(value);
    else if (name === '_type') named.push(...value.split(',').map((t) => t.trim()));
    else if (name === '_since') {
      asked.since = parseInstant(value);
      if (!asked.since) throw new Outcome('invalid-parameter', '_since must be an instant.');
      if (asked.since > now) throw new Outcome('invalid-parameter', '_since must not be in the future.');
    } else if (!lenient) throw new Outcome('unknown-parameter', 'Allowed are _type, _since and _count.');
  }
  if (named.some((t) => !EXPORT_ORDER.includes(t)))
    throw new Outcome('invalid-parameter', '_type names a type that is not served.');
  const may = EXPORT_ORDER.filter((t) => caller.reads.has('*') || caller.reads.has(t));
  // named by a comma list or again and again, as a Parameters resource does
  return { ...asked, types: named.length === 0 ? may : may.filter((t) => named.includes(t)) };
}

export function everything(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Patient/:id/$everything');
    const caller = await admitted(c, deps, 'Patient', 'reads');
    const id = c.req.param('id') ?? '';
    const given = await givenParameters(c);
    const lenient = readPrefer(c.req.header('prefer')).handling === 'lenient';
    const asked = readAsked(given, caller, lenient, deps.clock());
    const grants = ID_PATTERN.test(id) ? await grantsAsked(deps, caller, id, asked.since) : [];
    if (grants.length === 0) {
      await recordRefusal(c, deps, caller.peer, 'not-granted', `Patient/${id}`);
      throw new Outcome('not-found');
    }

    return pageInTurn(c, deps, caller, () => answer(c, deps, caller, id, given, asked, grants));
  };
}

async function answer(
  c: Context<FhirEnv>,
  deps: Deps,
  caller: Caller,
  id: string,
  given: Given,
  asked: Asked,
  grants: readonly Grant[],
): Promise<Response> {
  const { sql } = deps.database;
  const days = daysOf(deps);
  const records = asked.types.filter((t) => !SHARED_TYPES.includes(t));
  const isShared = asked.after?.type === SHARED_MARK;
  const page: Shown[] = [];
  let next: Position | undefined;
  if (!isShared) {
    const rows = [
      ...(asked.after === undefined && records.includes('Patient')
        ? await memberRows(sql, grants, days, { types: ['Patient'], since: asked.since, limit: 1 })
        : []),
    ];
    const types = records.filter((t) => t !== 'Patient');
    const want = asked.count - rows.length;
    const { rows: more, isCut } = await memberPage(sql, grants, days, {
      types,
      since: asked.since,
      after: asked.after,
      limit: want + 1,
    });
    rows.push(...more.slice(0, want));
    const last = isCut || more.length > want ? rows.at(-1) : undefined;
    page.push(...(await shown(deps, rows)));
    if (last) next = { memberId: id, type: last.type === 'Patient' ? 'A' : last.type, id: last.id };
  }
  if (next === undefined) {
    const held = page.reduce((n, s) => n + s.text.length, 0);
    // of a page that is full the next one begins with them
    const want = held < PAGE_BYTES ? asked.count - page.length : 0;
    const shared = await sharedOf(sql, grants, days, {
      types: asked.types.filter((t) => SHARED_TYPES.includes(t)),
      of: EXPORT_ORDER,
      since: asked.since,
      after: isShared ? sharedPlace(asked.after) : undefined,
      limit: want,
      bytes: Math.max(1, PAGE_BYTES - held),
    });
    for (const row of shared.rows) page.push({ row, text: row.text, resource: { resourceType: row.type } });
    const last = shared.rows.at(-1);
    if (shared.isCut)
      next = { memberId: id, type: SHARED_MARK, id: last ? `${last.type}.${last.id}` : sharedStart(asked.after) };
    else if (records.includes('Provenance'))
      page.push(
        ...(await transmitted(deps, caller, grants, records, asked.since)),
        ...(await sharedTransmitted(deps, caller, grants, asked)),
      );
  }

  const leaving = page.map((s) => s.row).filter((r): r is MemberRow => 'memberId' in r);
  const besides = page.filter((s) => !('memberId' in s.row));
  await recordAccess(c, deps, caller, { action: 'everything', object: `Patient/${id}` }, leaving, [id], {
    entries: besides,
  });
  const base = addresses(deps.config).fhir;
  const url = (place: Position | undefined) => {
    const q = new URLSearchParams(
      given.filter((g) => ['_type', '_since', '_count'].includes(g.name)).map((g) => [g.name, g.value]),
    );
    if (place) q.set('_page', cursorOf(place));
    return `${base}/Patient/${id}/$everything${q.size > 0 ? `?${q.toString()}` : ''}`;
  };
  const links = [{ relation: 'self', url: url(asked.after) }];
  if (next) links.push({ relation: 'next', url: url(next) });
  const entries = page.map((s) => ({ shown: s, mode: 'match' as const }));
  return fhirBody(c, searchset(base, links, entries, undefined), 200, NO_STORE);
}

const sharedPlace = (p: Position | undefined) => {
  const at = p?.id.indexOf('.') ?? -1;
  return p === undefined || at < 1 ? undefined : { type: p.id.slice(0, at), id: p.id.slice(at + 1) };
};
/** Before the first directory entry, or where the page was. */
const sharedStart = (p: Position | undefined) => (p?.type === SHARED_MARK ? p.id : '-');

const grantsAsked = (deps: Deps, caller: Caller, memberId: string, since: Date | undefined): Promise<Grant[]> =>
  since === undefined ? grantsOf(deps, caller.peer.id, [memberId]) : grantsSince(deps, caller.peer.id, memberId, since);

/** Who transmits what this peer may see of the member: the same text as in an export of the same records. */
async function transmitted(
  deps: Deps,
  caller: Caller,
  grants: readonly Grant[],
  types: readonly string[],
  since: Date | undefined,
): Promise<Shown[]> {
  const { sql } = deps.database;
  const days = daysOf(deps);
  const all = await leavingKeys(sql, grants, days, types, since);
  const made: Shown[] = [];
  for (let i = 0; i < all.length; i += MAX_TARGETS) {
    const part = all.slice(i, i + MAX_TARGETS);
    const newest = part.reduce((at, k) => (k.lastUpdated > at ? k.lastUpdated : at), new Date(0));
    const { id, json } = transmitterProvenance(
      ourselves(deps.config),
      caller.peer.id,
      part.map((k) => k.key),
      formatInstant(newest),
    );
    const row = { type: 'Provenance', id, version: 1, text: json, lastUpdated: newest };
    made.push({ row, text: json, resource: { resourceType: 'Provenance' } });
  }
  return made;
}

/** The same of the directory-type records among it. */
async function sharedTransmitted(
  deps: Deps,
  caller: Caller,
  grants: readonly Grant[],
  { types, since }: Pick<Asked, 'types' | 'since'>,
): Promise<Shown[]> {
  const sent = await sharedKeysOf(deps.database.sql, grants, daysOf(deps), {
    types: types.filter((t) => SHARED_TYPES.includes(t)),
    of: EXPORT_ORDER,
    since,
  });
  return sharedTransmitters(ourselves(deps.config), caller.peer.id, sent).map(({ id, json, recorded }) => ({
    row: { type: 'Provenance', id, version: 1, text: json, lastUpdated: recorded },
    text: json,
    resource: { resourceType: 'Provenance' },
  }));
}
