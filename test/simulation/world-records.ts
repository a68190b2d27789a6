// What happens to people of a simulated world (world.long.test.ts), and the record that a payer has of it.
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import type { Sql } from '../../src/db/database.ts';
import { withCheckDigit } from '../../src/fhir/npi.ts';
import type { Person } from '../exchange/plan-fixture.ts';

export const NAMES = ['A', 'B', 'C'] as const;
/** Places of payers in {@link NAMES}. */
export const PLANS = [0, 1, 2] as const;
export const peerId = (plan: number): string => `plan-${NAMES[plan]?.toLowerCase()}`;
export const npiOf = (plan: number): string => withCheckDigit(`90000010${plan}`);

/** With a payer. `asks`: other payers that are asked, with the last day there where that is told. */
export type Member = {
  number: string;
  /** the number of the first card: whoever comes back under another one stays the same member */
  first: string;
  starts: string;
  ends: string | undefined;
  asks: Map<number, string | undefined>;
  /** undefined: nothing was said yet */
  optIn: boolean | undefined;
  policy: 'regular' | 'sensitive';
  chosenOn: string;
  /** what holds instead, since nobody chose it: two members were made one, or two again */
  over: Choice | undefined;
};
export type Choice = Pick<Member, 'optIn' | 'policy' | 'chosenOn'>;
/** The same person once more with a payer, under another number. */
export type Second = {
  member: Member;
  /** made one with the first: now, and since when at first */
  isOne: boolean;
  oneSince: Date | undefined;
  /** when the two were made one, and two again, by turns */
  turns: Date[];
};
export type Human = {
  name: string;
  family: string;
  given: string;
  born: string;
  at: Map<number, Member>;
  twice: Map<number, Second>;
};

export const HUMANS: readonly Human[] = [
  { family: 'Rivera', given: 'Ana', born: '1974-12-25' },
  { family: 'Johnson', given: 'Robert', born: '1960-02-03' },
  { family: 'Marlowe', given: 'Agnes', born: '2010-05-05' },
  { family: 'Marlowe', given: 'Beatrice', born: '2010-05-05' },
].map((person, i) => ({ ...person, name: `h${i}`, at: new Map(), twice: new Map() }));

export const KINDS = ['Observation', 'Condition', 'MedicationRequest', 'Encounter', 'ExplanationOfBenefit'] as const;
export type Happening = {
  n: number;
  who: Human;
  kind: (typeof KINDS)[number];
  /** payer that has it, and another one that was told of it by itself */
  plan: number;
  also: number | undefined;
  day: string;
  value: number;
  status: 'active' | 'cancelled';
  gone: boolean;
  isLabelled: boolean;
  isNumbered: boolean;
  /** visit that it happened at */
  visit: Happening | undefined;
  /** claim that it takes the place of */
  prior: Happening | undefined;
  /** it is told of the number under which the person is there once more, and of that member is the record now */
  isOfSecond: boolean;
  isSeconds: boolean;
};

export const personAt = (h: Human, plan: number): Person => ({
  number: h.at.get(plan)?.number ?? '',
  family: h.family,
  given: h.given,
  born: h.born,
});
/** Id of the member that a person is. */
export const memberAt = (h: Human, plan: number): string => patientIdFor(h.at.get(plan)?.first ?? '');
export const secondIdAt = (h: Human, plan: number): string => patientIdFor(h.twice.get(plan)?.member.number ?? '');
/** Were the two members that a person is with a payer one at an instant? */
export const isOneAt = ({ turns }: Second, at: Date): boolean => turns.filter((t) => t <= at).length % 2 === 1;
/** Whom a number of a person leads to. */
export const isSecondUnder = (h: Human, plan: number, number: string): boolean => {
  const second = h.twice.get(plan);
  return second !== undefined && !second.isOne && second.member.number === number;
};
/** Whose a record of a payer is, that is told of it by itself: of the second member there. */
export const isSeconds = (e: Happening, plan: number): boolean =>
  plan === e.plan && e.isSeconds && e.who.twice.get(plan)?.isOne === false;
export const placesOf = (e: Happening): number[] => [e.plan, ...(e.also === undefined ? [] : [e.also])];
/** How often a payer has given the record of an event another id. */
const renumbered = new Map<string, number>();
const placeOf = (e: Happening, plan: number): string => `${NAMES[plan]}-${e.n}`;
export const idAt = (e: Happening, plan: number): string => {
  const times = renumbered.get(placeOf(e, plan));
  return times === undefined ? placeOf(e, plan) : `${placeOf(e, plan)}-r${times}`;
};
/** Did a payer call the record of an event so, before it gave it another id? */
export const isFormerId = (e: Happening, plan: number, id: string): boolean =>
  id !== idAt(e, plan) && (id === placeOf(e, plan) || id.startsWith(`${placeOf(e, plan)}-r`));
export const renumber = (e: Happening, plan: number): void =>
  void renumbered.set(placeOf(e, plan), (renumbered.get(placeOf(e, plan)) ?? 0) + 1);

/** A minute that nothing else has: by it an event is known wherever it is shown. */
export function minuteOf(e: Happening): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${e.day}T${two(6 + (e.n % 12))}:${two(Math.floor(e.n / 12) % 60)}:${two(Math.floor(e.n / 720) % 60)}Z`;
}
const claimNumber = (e: Happening): string => `CLM-${NAMES[e.plan]}-${e.n}`;

/** What an event is known by, and what its record says of it now. */
export const keyOf = (e: Happening): string =>
  `${e.kind} ${e.kind === 'ExplanationOfBenefit' ? claimNumber(e) : minuteOf(e)}`;
export function toldOf(e: Happening): string {
  const isEven = e.value % 2 === 0;
  if (e.kind === 'Condition') return isEven ? 'active' : 'resolved';
  if (e.kind === 'MedicationRequest') return isEven ? 'active' : 'completed';
  return e.kind === 'ExplanationOfBenefit' ? e.status : String(e.value);
}

type Coded = { coding?: { code?: string }[] };
type Shown = {
  resourceType: string;
  effectiveDateTime?: string;
  valueQuantity?: { value: number };
  onsetDateTime?: string;
  clinicalStatus?: Coded;
  authoredOn?: string;
  status?: string;
  period?: { start?: string };
  length?: { value: number };
  identifier?: { type?: Coded; value?: string }[];
};
/** The same of a record that is shown; undefined for other types. */
export function readShown(r: Shown): { key: string; told: string } | undefined {
  const of = (key: string | undefined, told: unknown) => ({ key: `${r.resourceType} ${key}`, told: String(told) });
  switch (r.resourceType) {
    case 'Observation':
      return of(r.effectiveDateTime, r.valueQuantity?.value);
    case 'Condition':
      return of(r.onsetDateTime, r.clinicalStatus?.coding?.[0]?.code);
    case 'MedicationRequest':
      return of(r.authoredOn, r.status);
    case 'Encounter':
      return of(r.period?.start, r.length?.value);
    case 'ExplanationOfBenefit':
      return of(r.identifier?.find((i) => i.type?.coding?.[0]?.code === 'uc')?.value, r.status);
    default:
      return undefined;
  }
}

/** Did a payer delete it by itself, or learn from one that had it that it is gone? */
export async function isToldGone(sql: Sql, e: Happening, plan: number): Promise<boolean> {
  const names = placesOf(e).map((p) => `${p === plan ? 'own' : peerId(p)} ${idAt(e, p)}`);
  const rows = await sql`
    select from exchange.resource where deleted and origin || ' ' || coalesce(source_id, id) = any(${names}::text[])`;
  return rows.length > 0;
}

/**
 * Does a payer still have the record of an event by an id that `other` does not use any more? Who does not ask it does not learn of that. What a third one passes on
 * under the new id, and tells beside an echo of the first, is another record by anything that is known there: shown beside it, and compared with it by a person.
 */
export async function hasFormer(sql: Sql, e: Happening, other: number): Promise<boolean> {
  const rows = await sql<{ id: string }[]>`
    select source_id as id from exchange.resource where origin = ${peerId(other)} and type = ${e.kind} and not deleted`;
  return rows.some(({ id }) => isFormerId(e, other, id));
}

const HL7 = 'http://terminology.hl7.org/CodeSystem';
const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
const ucum = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });

const subjectOf = (e: Happening, plan: number): string =>
  `Patient/${e.isOfSecond && plan === e.plan ? secondIdAt(e.who, plan) : memberAt(e.who, plan)}`;

/** The record that `plan` has of an event. */
export function recordOf(e: Happening, plan: number): object {
  const subject = { reference: subjectOf(e, plan) };
  const at = minuteOf(e);
  const one = (more: object) => ({
    resourceType: e.kind,
    id: idAt(e, plan),
    ...(e.isLabelled ? { meta: { security: [{ system: `${HL7}/v3-Confidentiality`, code: 'R' }] } } : {}),
    ...(e.isNumbered ? { identifier: [{ system: 'https://lab.example/numbers', value: `N${e.n}` }] } : {}),
    subject,
    ...(e.visit === undefined ? {} : { encounter: { reference: `Encounter/${idAt(e.visit, plan)}` } }),
    ...more,
  });
  switch (e.kind) {
    case 'Observation':
      return one({
        status: 'final',
        category: [coded(`${HL7}/observation-category`, 'laboratory')],
        code: coded('http://loinc.org', '2345-7'),
        effectiveDateTime: at,
        valueQuantity: ucum(e.value, 'mg/dL'),
      });
    case 'Condition':
      return one({
        clinicalStatus: coded(`${HL7}/condition-clinical`, toldOf(e)),
        category: [coded(`${HL7}/condition-category`, 'problem-list-item')],
        code: coded('http://hl7.org/fhir/sid/icd-10-cm', `E${10 + (e.n % 80)}.${Math.floor(e.n / 80)}`),
        onsetDateTime: at,
      });
    case 'MedicationRequest':
      return one({
        status: toldOf(e),
        intent: 'order',
        medicationCodeableConcept: coded('http://www.nlm.nih.gov/research/umls/rxnorm', `19${1000 + e.n}`),
        authoredOn: at,
      });
    case 'Encounter':
      return one({
        status: 'finished',
        class: { system: `${HL7}/v3-ActCode`, code: 'AMB' },
        period: { start: at, end: at },
        length: ucum(e.value, 'min'),
      });
    case 'ExplanationOfBenefit':
      return claimOf(e, plan);
  }
}

function claimOf(e: Happening, plan: number): object {
  const system = `https://${peerId(e.plan)}.example/claims`;
  const day = e.prior?.day ?? e.day;
  const before = e.prior && {
    relationship: coded(`${HL7}/ex-relatedclaimrelationship`, 'prior'),
    reference: { system, value: claimNumber(e.prior) },
  };
  return {
    resourceType: e.kind,
    id: idAt(e, plan),
    status: e.status,
    use: 'claim',
    outcome: 'complete',
    identifier: [
      {
        type: coded('http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', 'uc'),
        system,
        value: claimNumber(e),
      },
    ],
    type: coded(`${HL7}/claim-type`, 'professional'),
    patient: { reference: subjectOf(e, plan) },
    created: e.day,
    billablePeriod: { start: day, end: day },
    insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npiOf(e.plan) } },
    provider: { display: 'Clinic' },
    insurance: [{ focal: true, coverage: { display: 'cover' } }],
    ...(before ? { related: [before] } : {}),
    item: [
      {
        sequence: 1,
        productOrService: coded('http://www.ama-assn.org/go/cpt', '99213'),
        servicedDate: day,
        quantity: { value: e.value },
      },
    ],
  };
}
