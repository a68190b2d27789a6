// Two members side by side, for who decides whether they are one person: what speaks against it, and what would happen to each part.

import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { type JsonObject, text } from '../../../src/fhir/resource.ts';
import { dayText } from '../../../src/ui/time.ts';
import { type Death, deathOf } from '../../records/known-person.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { allGiven } from '../../responder/match/normalize.ts';
import {
  type ChoiceRow,
  type EnrolmentRow,
  memberChoices,
  memberEnrolments,
  type OtherCoverage,
  otherCoverages,
} from '../consent/choice-rows.ts';
import { personOf } from '../member-page-data.ts';
import { heldOf, payersKnowing, twoPersonsThere } from './member-merge.ts';

/** `weight` 3: they may be two persons; 1: what is to be known. */
export type Doubt = { code: keyof typeof DOUBTS; text: string };
export const DOUBTS = {
  'birth-date': 'The birth dates differ.',
  sex: 'One is recorded as female, the other as male.',
  names: 'No first name of the one is one of the other’s: twins have one birth date and one family name.',
  died: 'One of the two has died, by our own record or an enrolment file; of the other it is not said.',
  'two-there': 'A payer knows both, as two persons',
  overlap: 'Both are covered on the same days, under different numbers.',
  choices: 'They have chosen differently. What both choices allow holds until the member chooses again',
} as const;

const PAYERS: Record<ChoiceRow['payers'], string> = {
  both: 'previous and concurrent payers',
  previous: 'previous payers only',
  concurrent: 'concurrent payers only',
};

/**
 * A choice in words, with all in which two of them may differ:
 * `opt-in on Feb 9, 2026, sensitive records left out, previous payers only`.
 */
export const toldChoice = (c: ChoiceRow): string =>
  c.choice === 'opt-in'
    ? `opt-in on ${dayText(c.recordedOn)}, sensitive records ${c.policy === 'sensitive' ? 'included' : 'left out'}, ${PAYERS[c.payers]}`
    : `${c.choice} on ${dayText(c.recordedOn)}`;

export type OneOfTwo = {
  memberId: string;
  person: { name: string; birthDate: string | null };
  death: Death | undefined;
  gender: string | null;
  enrolments: EnrolmentRow[];
  choice: ChoiceRow | undefined;
  payers: OtherCoverage[];
  held: Awaited<ReturnType<typeof heldOf>>;
  /** payers that hold a match of the member */
  knownBy: string[];
};
export type OnePersonReport = { stays: OneOfTwo; former: OneOfTwo; doubts: Doubt[] };

type Needs = { database: { sql: Queryable } } & Pick<Deps, 'config'>;

const saysDied = (patient: JsonObject): boolean =>
  text(patient['deceasedDateTime']) !== undefined || patient['deceasedBoolean'] === true;

const meet = (a: EnrolmentRow, b: EnrolmentRow): boolean =>
  a.starts <= (b.ends ?? '9999') && b.starts <= (a.ends ?? '9999');

/** @param memberId who would stay; `formerId`: who would go on as that one. Both are members. */
export async function onePersonReport(deps: Needs, memberId: string, formerId: string): Promise<OnePersonReport> {
  const { sql } = deps.database;
  const patients = await patientTexts(sql, [memberId, formerId]);
  const parsed = (id: string) => JSON.parse(patients.get(id) ?? '{}') as JsonObject;
  const one = async (id: string): Promise<OneOfTwo> => ({
    memberId: id,
    person: personOf(patients.get(id)),
    death: (await deathOf(sql, [id])) ?? (saysDied(parsed(id)) ? { day: undefined } : undefined),
    gender: text(parsed(id)['gender']) ?? null,
    enrolments: await memberEnrolments(sql, id),
    choice: (await memberChoices(sql, id))[0],
    payers: (await otherCoverages(sql, id)).filter((o) => o.inErrorAt === null),
    held: await heldOf(sql, id),
    knownBy: await payersKnowing(sql, id),
  });
  const [stays, former] = [await one(memberId), await one(formerId)];
  const [a, b] = [parsed(memberId), parsed(formerId)];
  const [givenA, givenB] = [allGiven(a['name']), allGiven(b['name'])];
  const there = await twoPersonsThere(sql, memberId, formerId);
  const differs = (x: string | null, y: string | null) => x !== null && y !== null && x !== y;
  const sexes = [stays.gender, former.gender];
  const [c, d] = [stays.choice, former.choice];
  const found: (Doubt | false)[] = [
    differs(stays.person.birthDate, former.person.birthDate) && { code: 'birth-date', text: DOUBTS['birth-date'] },
    sexes.includes('male') && sexes.includes('female') && { code: 'sex', text: DOUBTS.sex },
    givenA.length > 0 &&
      givenB.length > 0 &&
      !givenA.some((g) => givenB.includes(g)) && { code: 'names', text: DOUBTS.names },
    (stays.death === undefined) !== (former.death === undefined) && { code: 'died', text: DOUBTS.died },
    there.length > 0 && { code: 'two-there', text: `${DOUBTS['two-there']}: ${there.join(', ')}.` },
    stays.enrolments.some((x) =>
      former.enrolments.some((y) => meet(x, y) && (x.memberNumber !== y.memberNumber || x.starts !== y.starts)),
    ) && { code: 'overlap', text: DOUBTS.overlap },
    c !== undefined &&
      d !== undefined &&
      ((c.choice === 'opt-in') !== (d.choice === 'opt-in') ||
        (c.choice === 'opt-in' && (c.policy !== d.policy || c.payers !== d.payers))) && {
        code: 'choices',
        text: `${DOUBTS.choices}: ${toldChoice(c)}; ${toldChoice(d)}.`,
      },
  ];
  return { stays, former, doubts: found.filter((x) => x !== false) };
}
