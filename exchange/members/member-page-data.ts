// Members of a pull with their names: for reviewers, each look recorded.
import type { Deps } from '../../src/deps.ts';
import { isObject, type Json, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { findPeer } from '../peers/peer.ts';
import { conceptText } from '../records/plain-parts.ts';
import { findPull, pullMembers } from '../requester/pull.ts';
import { patientTexts } from '../requester/report/line-rows.ts';
import { memberLines } from '../requester/report/pull-counts.ts';
import { memberKeys } from './member-key.ts';

type Needs = Pick<Deps, 'database' | 'keys'>;

const NOT_KNOWN = 'not known';
/** The name on a Patient as people write it, and the birth date. */
export function personOf(patient: string | undefined): { name: string; birthDate: string | null } {
  const parsed = patient === undefined ? undefined : (JSON.parse(patient) as Json);
  if (!isObject(parsed)) return { name: NOT_KNOWN, birthDate: null };
  const names = objects(parsed['name']);
  const chosen = names.find((n) => n['use'] === 'official') ?? names[0];
  const given = Array.isArray(chosen?.['given']) ? chosen['given'].filter((g) => typeof g === 'string') : [];
  const whole = [...given, text(chosen?.['family'])].filter((p) => p !== undefined && p !== '').join(' ');
  return {
    name: whole === '' ? (text(chosen?.['text']) ?? NOT_KNOWN) : whole,
    birthDate: text(parsed['birthDate']) ?? null,
  };
}

/** What a directory-type record is called: its name, the person's, the drug, or anyone who has a role; undefined where it does not say. */
export function nameOfShared(body: string): string | undefined {
  const r = JSON.parse(body) as Resource;
  if (r.resourceType === 'Medication') return conceptText(r['code']);
  const person = isObject(r['practitioner']) ? text(r['practitioner']['display']) : undefined;
  if (r.resourceType === 'PractitionerRole') return person ?? conceptText(r['code']) ?? conceptText(r['specialty']);
  const name = text(r['name']) ?? personOf(body).name;
  return name === NOT_KNOWN ? undefined : name;
}

/** The member of a pull that a key stands for; undefined when no member of this pull has it. */
export async function memberOfKey(deps: Needs, pullId: string, key: string): Promise<string | undefined> {
  const keyOf = await memberKeys(deps);
  const members = await pullMembers(deps.database.sql, pullId);
  return members.find((m) => keyOf(m.memberId) === key)?.memberId;
}

export type NamedMember = {
  memberId: string;
  submittedId: string;
  key: string;
  name: string;
  birthDate: string | null;
  outcome: string;
  units: number;
  held: number;
  clockState: string | null;
  dueAt: Date | null;
};

/** A page of the members of a pull, in the order of their request ids; undefined when there is no such pull. */
export async function namedMembers(
  deps: Needs,
  pullId: string,
  filter: { outcome: string | undefined; key: string | undefined },
  page: { limit: number; after: string | undefined },
): Promise<{ pullId: string; peerName: string; members: NamedMember[] } | undefined> {
  const { sql } = deps.database;
  const pull = await findPull(sql, pullId);
  if (!pull) return undefined;
  const peer = await findPeer(sql, pull.peerId);
  const peerName = peer?.name ?? pull.peerId;
  const memberId = filter.key === undefined ? undefined : await memberOfKey(deps, pullId, filter.key);
  if (filter.key !== undefined && memberId === undefined) return { pullId, peerName, members: [] };
  const lines = await memberLines(sql, pullId, { outcome: filter.outcome, memberId }, page);
  const patients = await patientTexts(sql, [...new Set(lines.map((m) => m.memberId))]);
  const keyOf = await memberKeys(deps);
  return {
    pullId,
    peerName,
    members: lines.map((m) => ({
      memberId: m.memberId,
      submittedId: m.submittedId,
      key: keyOf(m.memberId),
      ...personOf(patients.get(m.memberId)),
      outcome: m.outcome,
      units: m.units,
      held: m.held,
      clockState: m.clockState,
      dueAt: m.dueAt,
    })),
  };
}
