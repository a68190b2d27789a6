// What reading the units of a pull needs to know: whose records they may be, under which choice, and as of which day.
import type { Deps } from '../../src/deps.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { addDays, localDay, yearsBefore } from '../members/deadlines/business-day.ts';
import type { Peer } from '../peers/peer.ts';
import { addresses } from '../plan.ts';
import { personsOf } from '../records/known-person.ts';
import { leftOutMembers, type Pull, pullMembers } from '../requester/pull.ts';
import { movedPatients } from '../requester/pull-member.ts';
import type { UnitContext } from './read-unit.ts';
import type { UnitMember } from './unit-person.ts';

/** Half a decade: the span the rule speaks of. Older records are kept and flagged. */
export const RULE_YEARS = 5;

/** What reading a pull's units needs to know, as of now. */
export async function unitContext(
  deps: Pick<Deps, 'config' | 'clock' | 'database'>,
  pull: Pull,
  peer: Peer,
): Promise<UnitContext> {
  const { sql } = deps.database;
  const left = await leftOutMembers(sql, pull.id);
  const moved = new Set(await movedPatients(sql, pull.id, peer.id));
  const members = new Map<string, UnitMember>();
  const matched = (await pullMembers(sql, pull.id)).filter((m) => m.outcome === 'matched');
  const persons = await personsOf(
    sql,
    matched.map((m) => m.memberId),
    peer.id,
  );
  const patients = matched.flatMap((m) => [m.peerPatientId ?? [], m.furtherPatients].flat().map((id) => ({ id, m })));
  for (const { id, m } of patients) {
    const known = persons.get(m.memberId);
    const other = members.get(id);
    const doubtful = other?.doubtful === true || (other !== undefined && other.memberId !== m.memberId);
    members.set(id, {
      memberId: m.memberId,
      policy: m.policy,
      // of two cards one may have been named by mistake
      withdrawn: other?.withdrawn === false ? false : (left.get(m.submittedId) ?? false),
      doubtful,
      moved: moved.has(id),
      ...(known ? { person: known } : {}),
    });
  }
  const { timeZone } = deps.config;
  return {
    peerId: peer.id,
    peerBase: peer.fhirBase ?? '',
    ourBase: addresses(deps.config).fhir,
    ourNpi: deps.config.planNpi,
    members,
    group: pull.groupId ?? peer.groupThere ?? undefined,
    windowStart: yearsBefore(localDay(pull.kickedOffAt ?? pull.createdAt, timeZone), RULE_YEARS),
    latest: addDays(localDay(deps.clock(), timeZone), 2),
    validate,
  };
}
