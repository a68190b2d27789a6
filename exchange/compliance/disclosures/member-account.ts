// Everything the node knows of one member's choice and of the duties towards the member, for the staff page.
import type { Deps } from '../../../src/deps.ts';
import {
  type ChoiceRow,
  type ContactRow,
  type EnrolmentRow,
  type MemberAsk,
  type MemberClock,
  memberAsks,
  memberChoices,
  memberClocks,
  memberContacts,
  memberEnrolments,
  type OtherCoverage,
  otherCoverages,
} from '../../members/consent/choice-rows.ts';
import { memberNamings, type Naming } from '../../members/enrolment/payer-link-event.ts';
import { type Looked, memberAudit, memberDeeds } from '../../members/member-audit.ts';
import { personOf } from '../../members/member-page-data.ts';
import { idsOfPerson, type Merge, mergesOf } from '../../members/merge/member-merge.ts';
import { type Death, deathOf } from '../../records/known-person.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { findMemberId, type GivenAsOne, givenAsOne } from './disclosure-rows.ts';

export { memberAuditBefore } from '../../members/member-audit.ts';
export { idsOfPerson, type Merge } from '../../members/merge/member-merge.ts';
export type { GivenAsOne } from './disclosure-rows.ts';

const MOST_LOOKS = 200;
const MOST_DEEDS = 1000;

export type MemberAccount = {
  memberId: string;
  person: { name: string; birthDate: string | null };
  /** undefined of who lives, as far as is known */
  death: Death | undefined;
  enrolments: EnrolmentRow[];
  choices: ChoiceRow[];
  contacts: (ContactRow & { text: string | null })[];
  payers: OtherCoverage[];
  /** which of them were taken back, and named again */
  namings: Naming[];
  clocks: MemberClock[];
  asks: MemberAsk[];
  looks: Looked[];
  /** what people decided and recorded */
  actions: Looked[];
  /** when the member was merged with another, or unmerged */
  merges: Merge[];
  /** payers that got something while the two were one, of merges that were taken back */
  givenAsOne: GivenAsOne[];
};

/** Undefined when there is no such member. */
export async function memberAccount(
  deps: Pick<Deps, 'database'>,
  memberId: string,
): Promise<MemberAccount | undefined> {
  const { sql } = deps.database;
  if ((await findMemberId(sql, memberId)) !== memberId) return undefined;
  const ids = await idsOfPerson(sql, memberId);
  const [patients, enrolments, choices, contacts, payers, namings, clocks, asks, looks, actions, merges, given, death] =
    await Promise.all([
      patientTexts(sql, [memberId]),
      memberEnrolments(sql, memberId),
      memberChoices(sql, memberId),
      memberContacts(sql, memberId),
      otherCoverages(sql, memberId),
      memberNamings(sql, memberId),
      memberClocks(sql, ids),
      memberAsks(sql, ids),
      memberAudit(sql, ids, MOST_LOOKS),
      memberDeeds(sql, ids, MOST_DEEDS),
      mergesOf(sql, memberId),
      givenAsOne(sql, memberId),
      deathOf(sql, ids),
    ]);
  const person = personOf(patients.get(memberId));
  return {
    memberId,
    person,
    death,
    enrolments,
    choices,
    contacts,
    payers,
    namings,
    clocks,
    asks,
    looks,
    actions,
    merges,
    givenAsOne: given,
  };
}
