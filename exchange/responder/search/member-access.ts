// What the reads of single members share: whose records a peer may see today, the form in which they are shown, and the
// audit rows that are written before a byte leaves.
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome, operationOutcome } from '../../../src/fhir/outcome.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { objects } from '../../../src/fhir/resource.ts';
import { mayBeSpelled, parseSpelled, stringifySpelled } from '../../../src/fhir/spelled-numbers.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { addMonths, localDay, yearsBefore } from '../../members/deadlines/business-day.ts';
import { decideAhead, haveUndecided } from '../../members/enrolment/relabel.ts';
import { addresses } from '../../plan.ts';
import { withAbsoluteLinks } from '../../records/facts/attachment.ts';
import { addServiceDays, type ServiceDays } from '../../records/facts/service-days.ts';
import { withoutNames } from '../../records/facts/unnamed.ts';
import type { Caller } from '../authorize.ts';
import { unnamedOf } from '../export/hidden-references.ts';
import { anyGranted, grantedMembers, grantedWindow, stillGranted } from '../grant.ts';
import { umbIdentifier } from '../match/groups.ts';
import { membersHolding, umbsOf } from './candidate-members.ts';
import { type Days, type Grant, type MemberRow, type SharedRow, sharedByKey } from './member-read-rows.ts';

export const NO_STORE = { 'cache-control': 'no-store' };

export function daysOf(deps: Deps): Days {
  const today = localDay(deps.clock(), deps.config.timeZone);
  return {
    today,
    yearAgo: addMonths(today, -12),
    windowStart: yearsBefore(today, deps.config.exportWindowYears),
  };
}

export const umbSystem = (deps: Pick<Deps, 'config'>): string =>
  String(umbIdentifier('', deps.config.baseUrl)['system']);

/** Of more members what is not decided yet is left out: a peer waits for it. */
const DECIDED_AT_ONCE = 5;
const DECIDED_SECONDS = 30;
/**
 * After an update of the program: what was decided by older rules would be missing, and nothing would say so.
 * @throws Outcome unavailable when other rules than those of this process hold, and it could not tell what may leave
 */
async function decided(deps: Deps, members: readonly string[]): Promise<void> {
  if (members.length > DECIDED_AT_ONCE) return;
  if ((await decideAhead(deps, members)) === 'undecided') throw undecided();
}

const undecided = () =>
  new Outcome('unavailable', 'Records are being decided again after an update. Ask again in a moment.', {
    retryAfter: DECIDED_SECONDS,
  });

/** May an answer about granted members lack records of theirs, as they are not decided yet? Of few all are. */
export async function mayLack(deps: Deps, grants: readonly Grant[]): Promise<boolean> {
  const members = grants.map((g) => g.memberId);
  return members.length > DECIDED_AT_ONCE && (await haveUndecided(deps, members));
}

/** What is said in an answer that lacks something. */
export const lacks = (isLacking: boolean, isCut: boolean): ReturnType<typeof operationOutcome>[] => [
  ...(isLacking ? [LACKING] : []),
  ...(isCut ? [CUT] : []),
];
const LACKING = operationOutcome(
  'warning',
  'incomplete',
  'Records are being decided again after an update, and some that would be here may be missing. Ask again in a few minutes, or about fewer members.',
);
const CUT = operationOutcome(
  'warning',
  'incomplete',
  'What this record brings along is more than one page holds, and part of it is missing. Read what it names.',
);

/** Those of some members that were matched for a peer and whose consent holds today. */
export async function grantsOf(deps: Deps, peerId: string, members: readonly string[]): Promise<Grant[]> {
  const scope = { peerId, groupId: null };
  const { today } = daysOf(deps);
  const found = await stillGranted(deps.database.sql, scope, today, members);
  await decided(deps, [...found.keys()]);
  return [...found].map(([memberId, policy]) => ({ memberId, policy }));
}

/** The same of all members of a peer from one on, in the order of their ids, `most` of them. */
export async function grantsFrom(deps: Deps, peerId: string, from: string, most: number): Promise<Grant[]> {
  const found = await grantedWindow(deps.database.sql, peerId, daysOf(deps).today, from, most);
  await decided(
    deps,
    found.map((g) => g.memberId),
  );
  return found;
}

/** The same as {@link grantsOf} of one member, with the policy that held for it at a time. */
export async function grantsSince(deps: Deps, peerId: string, memberId: string, since: Date): Promise<Grant[]> {
  const scope = { peerId, groupId: null };
  const { today } = daysOf(deps);
  const found = await grantedMembers(deps.database.sql, scope, today, [since.toISOString()], [memberId]);
  await decided(
    deps,
    found.map((g) => g.memberId),
  );
  return found;
}

/** The same of the members that hold a record, which is asked for by its id alone. */
export async function grantsOfRecord(deps: Deps, peerId: string, type: string, id: string): Promise<Grant[]> {
  const holders = type === 'Patient' ? [id] : await membersHolding(deps.database.sql, type, [id]);
  // asked in vain too: the time must not tell whether anyone holds it
  return grantsOf(deps, peerId, holders);
}

/**
 * A directory entry tells nothing about a member: it is shown to peers that have any. One that reveals what is
 * labelled, to those that have one whose consent covers it; under 42 CFR Part 2 to no one.
 * @throws Outcome unavailable when what it reveals is not decided yet after an update
 */
export async function entryOf(deps: Deps, peerId: string, key: string): Promise<SharedRow | undefined> {
  const { sql } = deps.database;
  const { today } = daysOf(deps);
  if (!(await anyGranted(sql, peerId, today))) return undefined;
  const found = await sharedByKey(sql, key);
  if (found?.isUndecided) throw undecided();
  if (found === undefined || found.reveals === 0) return found?.row;
  return found.reveals === 1 && (await anyGranted(sql, peerId, today, 'sensitive')) ? found.row : undefined;
}

export type Shown = { row: MemberRow | SharedRow; text: string; resource: Resource };

/**
 * Rows as they leave, naming nothing that must not be named. A Patient carries the unique member id that the match
 * gave, by which HRex mm-3 has peers know it.
 */
export async function shown(deps: Deps, rows: readonly MemberRow[]): Promise<Shown[]> {
  const patients = rows.filter((r) => r.type === 'Patient').map((r) => r.memberId);
  const umbs = patients.length === 0 ? new Map<string, string>() : await umbsOf(deps.database.sql, patients);
  const unnamed = await unnamedOf(deps.database.sql, [...new Set(rows.map((r) => r.memberId))]);
  const cleaners = new Map([...unnamed].map(([id, names]) => [id, withoutNames(names)]));
  const base = addresses(deps.config).fhir;
  return rows.map((row) => {
    const clean = cleaners.get(row.memberId);
    const whole = withAbsoluteLinks(row.type, row.text, base, row.linked);
    const text = clean === undefined ? whole : clean(whole);
    const resource = JSON.parse(text) as Resource;
    const umb = row.type === 'Patient' ? umbs.get(row.memberId) : undefined;
    if (umb === undefined) return { row, text, resource };
    const identifier: JsonObject = umbIdentifier(umb, deps.config.baseUrl);
    const others = objects(resource['identifier']).filter((i) => i['system'] !== identifier['system']);
    const spelled = mayBeSpelled(text) ? (parseSpelled(text) as Resource) : resource;
    const known: Resource = { ...spelled, identifier: [...others, identifier] };
    return { row, text: stringifySpelled(known), resource: known };
  });
}

export type Access = { action: 'read' | 'search' | 'everything'; object: string };

/** What leaves besides records of members: directory entries and Provenance made for the answer, or a number of records alone. */
export type Besides = { entries?: readonly { row: { type: string } }[]; counted?: number };

/**
 * One row for each member whose records leave, or who was asked for; before the answer is made. What leaves besides is
 * of those who were asked for: whom a member sees, and how many records there are, is about the member.
 */
export async function recordAccess(
  c: Context<FhirEnv>,
  deps: Deps,
  caller: Caller,
  access: Access,
  rows: readonly MemberRow[],
  asked: readonly string[],
  { entries = [], counted = 0 }: Besides = {},
): Promise<void> {
  const left = new Map<string, { types: Record<string, number>; days: ServiceDays }>();
  const of = (memberId: string) => {
    const held = left.get(memberId) ?? { types: {}, days: {} };
    left.set(memberId, held);
    return held;
  };
  const add = (memberId: string, type: string, days: string | null) => {
    const held = of(memberId);
    held.types[type] = (held.types[type] ?? 0) + 1;
    addServiceDays(held.days, type, days);
  };
  for (const memberId of asked) of(memberId);
  for (const row of rows) add(row.memberId, row.type, row.days);
  for (const memberId of asked) for (const { row } of entries) add(memberId, row.type, null);
  await writeAudit(
    deps.database.sql,
    [...left].map(([memberId, held]) =>
      auditRow({
        at: deps.clock(),
        actorKind: 'peer',
        actor: caller.peer.id,
        action: access.action,
        object: access.object,
        memberId,
        peerId: caller.peer.id,
        requestId: c.get('requestId'),
        detail: { ...held, ...(counted === 0 ? {} : { counted }) },
      }),
    ),
  );
  c.get('logged')['rows'] = rows.length + entries.length;
}

const escaped = (text: string) => JSON.stringify(text);

/**
 * A searchset as text: what is stored is not written again.
 * @param lacking what is missing, each said in an entry
 */
export function searchset(
  base: string,
  links: { relation: string; url: string }[],
  entries: readonly { shown: Pick<Shown, 'row' | 'text'>; mode: 'match' | 'include' }[],
  total: number | undefined,
  lacking: readonly ReturnType<typeof operationOutcome>[] = [],
): string {
  const link = links.map((l) => `{"relation":"${l.relation}","url":${escaped(l.url)}}`).join(',');
  const found = entries
    .map(
      ({ shown: { row, text }, mode }) =>
        `{"fullUrl":"${base}/${row.type}/${row.id}","resource":${text},"search":{"mode":"${mode}"}}`,
    )
    .join(',');
  const said = lacking.map((outcome) => `{"resource":${JSON.stringify(outcome)},"search":{"mode":"outcome"}}`);
  const entry = [...(found === '' ? [] : [found]), ...said].join(',');
  return `{"resourceType":"Bundle","type":"searchset"${total === undefined ? '' : `,"total":${total}`},"link":[${link}]${entry === '' ? '' : `,"entry":[${entry}]`}}`;
}
