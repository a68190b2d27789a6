// Things of a network of payers (network.long.test.ts), each of one payer, and the record that it has of each.
import { withCheckDigit } from '../../src/fhir/npi.ts';
import { decided } from '../exchange/authorization-fixture.ts';
import { idOf, type Person } from '../exchange/plan-fixture.ts';

export const NAMES: readonly string[] = ['A', 'B', 'C', 'D', 'E'].slice(0, Number(process.env['NETWORK_PLANS'] ?? 3));
/** Places of payers in {@link NAMES}. */
export const PLANS: readonly number[] = NAMES.map((_, plan) => plan);
export const peerId = (plan: number): string => `plan-${NAMES[plan]?.toLowerCase()}`;
export const npiOf = (plan: number): string => withCheckDigit(`90000010${plan}`);

/** People, by their place; each payer has numbers of its own for them. */
export const PEOPLE = [0, 1] as const;
export function personAt(plan: number, who: number): Person {
  const [family, given, born] = who === 0 ? ['Rivera', 'Ana', '1974-12-25'] : ['Johnson', 'Robert', '1960-02-03'];
  return { number: `${NAMES[plan]}${who + 1}00`, family: String(family), given: String(given), born: String(born) };
}

export const KINDS = [
  'Observation',
  'Condition',
  'MedicationRequest',
  'MedicationDispense',
  'Encounter',
  'Immunization',
  'DocumentReference',
  'CarePlan',
  'CareTeam',
  'Procedure',
  'claim',
  'fill',
  'authorization',
] as const;
export type Kind = (typeof KINDS)[number];

/** `lives`: how often its payer numbered it anew. */
export type Thing = {
  n: number;
  kind: Kind;
  who: number;
  plan: number;
  lives: number;
  value: number;
  isNumbered: boolean;
  isLabelled: boolean;
  isDenied: boolean;
  /** for a drug */
  isDrug: boolean;
  gone: boolean;
  /** visit that it was of */
  visit: Thing | undefined;
  /** claim in whose place it is */
  prior: Thing | undefined;
  isReplaced: boolean;
  /** the thing of whose minute it is, where it has none of its own */
  like: number;
  /** somebody is said to have written it */
  isSaid: boolean;
  /** when it was decided */
  decidedAt: string;
};
export const typeOf = (t: Thing): string =>
  t.kind === 'claim' || t.kind === 'fill' || t.kind === 'authorization' ? 'ExplanationOfBenefit' : t.kind;
export const idHere = (t: Thing): string => `${NAMES[t.plan]}-${t.n}-${t.lives}`;
/** A minute that nothing else has: by it a thing is known wherever it is shown. */
export const minuteOf = (t: Thing): string => {
  const two = (n: number) => String(n).padStart(2, '0');
  const n = t.like;
  return `2026-${two(1 + (n % 9))}-${two(1 + (Math.floor(n / 9) % 28))}T${two(8 + (n % 11))}:${two(n % 60)}:00Z`;
};

const HL7 = 'http://terminology.hl7.org/CodeSystem';
const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
const ucum = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });
const npi = (value: string) => ({ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value } });
const clinic = withCheckDigit('900000055');

/** The record that its payer has of it. */
export function recordOf(t: Thing): object {
  const patient = { reference: `Patient/${idOf(personAt(t.plan, t.who))}` };
  const at = minuteOf(t);
  const note = [{ text: `V${t.value}` }];
  const visit = t.visit === undefined ? {} : { encounter: { reference: `Encounter/${idHere(t.visit)}` } };
  const one = (more: object) => ({
    resourceType: typeOf(t),
    id: idHere(t),
    ...(t.isLabelled ? { meta: { security: [{ system: `${HL7}/v3-Confidentiality`, code: 'R' }] } } : {}),
    ...(t.isNumbered ? { identifier: [{ system: `https://${peerId(t.plan)}.example/n`, value: `N${t.n}` }] } : {}),
    ...more,
  });
  switch (t.kind) {
    case 'Observation':
      return one({
        status: 'final',
        category: [coded(`${HL7}/observation-category`, 'laboratory')],
        code: coded('http://loinc.org', '2345-7'),
        subject: patient,
        ...visit,
        effectiveDateTime: at,
        valueQuantity: ucum(t.value, 'mg/dL'),
      });
    case 'Condition':
      return one({
        clinicalStatus: coded(`${HL7}/condition-clinical`, 'active'),
        category: [coded(`${HL7}/condition-category`, 'problem-list-item')],
        code: coded('http://hl7.org/fhir/sid/icd-10-cm', `E${10 + (t.n % 80)}.${Math.floor(t.n / 80)}`),
        subject: patient,
        ...visit,
        onsetDateTime: at,
        note,
      });
    case 'MedicationRequest':
      return one({
        status: 'active',
        intent: 'order',
        medicationCodeableConcept: coded('http://www.nlm.nih.gov/research/umls/rxnorm', `19${1000 + t.n}`),
        subject: patient,
        ...visit,
        authoredOn: at,
        note,
      });
    case 'MedicationDispense':
      return one({
        status: 'completed',
        medicationCodeableConcept: coded('http://www.nlm.nih.gov/research/umls/rxnorm', `19${1000 + t.n}`),
        subject: patient,
        quantity: ucum(30, '{tbl}'),
        daysSupply: ucum(30, 'd'),
        whenHandedOver: at,
        note,
      });
    case 'Encounter':
      return one({
        status: 'finished',
        class: { system: `${HL7}/v3-ActCode`, code: 'AMB' },
        subject: patient,
        period: { start: at, end: at },
        length: ucum(t.value, 'min'),
      });
    case 'Immunization':
      return one({
        status: 'completed',
        vaccineCode: coded('http://hl7.org/fhir/sid/cvx', '140'),
        patient,
        occurrenceDateTime: at,
        primarySource: true,
        note,
      });
    case 'DocumentReference':
      return one({
        status: 'current',
        type: coded('http://loinc.org', '34133-9'),
        subject: patient,
        date: at,
        description: `V${t.value}`,
        content: [{ attachment: { contentType: 'text/plain', data: btoa(`Summary ${t.n}`) } }],
      });
    case 'CarePlan':
      return one({
        status: 'active',
        intent: 'plan',
        category: [coded('http://hl7.org/fhir/us/core/CodeSystem/careplan-category', 'assess-plan')],
        subject: patient,
        period: { start: at },
        description: `V${t.value}`,
        // plans of one author within a week are one
        author: npi(withCheckDigit(`9000${String(10000 + t.n)}`)),
      });
    case 'CareTeam':
      return one({
        status: 'active',
        name: `Team ${t.n}`,
        subject: patient,
        period: { start: at },
        participant: [{ member: npi(clinic) }],
        note,
      });
    case 'Procedure':
      return one({
        status: 'completed',
        code: coded('http://snomed.info/sct', String(73946000 + t.like)),
        subject: patient,
        ...visit,
        performedDateTime: at,
        note,
      });
    default:
      return { ...one({}), ...claimOf(t, patient, at) };
  }
}

const claimNumber = (t: Thing): string => `CLM-${NAMES[t.plan]}-${t.n}`;
function claimOf(t: Thing, patient: object, at: string): object {
  const isAuthorization = t.kind === 'authorization';
  const system = `https://${peerId(t.plan)}.example/claims`;
  const day = minuteOf(t.prior ?? t).slice(0, 10);
  const before = t.prior && {
    relationship: coded(`${HL7}/ex-relatedclaimrelationship`, 'prior'),
    reference: { system, value: claimNumber(t.prior) },
  };
  const type = coded('http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', 'uc');
  return {
    status: t.isReplaced ? 'cancelled' : 'active',
    use: isAuthorization ? 'preauthorization' : 'claim',
    outcome: 'complete',
    ...(t.isNumbered || !isAuthorization
      ? { identifier: [{ ...(isAuthorization ? {} : { type }), system, value: claimNumber(t) }] }
      : {}),
    type: coded(`${HL7}/claim-type`, t.kind === 'fill' ? 'pharmacy' : 'professional'),
    patient,
    created: at,
    billablePeriod: { start: day, end: day },
    insurer: npi(npiOf(t.plan)),
    provider: npi(clinic),
    insurance: [{ focal: true, coverage: { display: 'cover' } }],
    ...(before ? { related: [before] } : {}),
    item: [
      {
        sequence: 1,
        productOrService:
          t.kind === 'fill' || t.isDrug
            ? coded('http://hl7.org/fhir/sid/ndc', '00071015523')
            : coded('http://www.ama-assn.org/go/cpt', '97110'),
        servicedDate: day,
        quantity: { value: t.value },
        ...(t.visit === undefined ? {} : { encounter: [{ reference: `Encounter/${idHere(t.visit)}` }] }),
        ...(isAuthorization ? { adjudication: [decided(t.isDenied ? 'A3' : 'A1', t.decidedAt)] } : {}),
      },
    ],
  };
}

export const statementOf = (t: Thing): object => ({
  resourceType: 'Provenance',
  id: `said-${t.n}`,
  target: [{ reference: `${typeOf(t)}/${idHere(t)}` }],
  recorded: minuteOf(t),
  agent: [{ type: coded(`${HL7}/provenance-participant-type`, 'author'), who: { display: `Writer ${t.n}` } }],
});

type Shown = {
  resourceType: string;
  valueQuantity?: { value: number };
  length?: { value: number };
  item?: { quantity: { value: number } }[];
  description?: string;
  note?: { text: string }[];
};
/** What a record that is shown tells of a thing of its kind. */
export const toldBy = (r: object): string => {
  const s = r as Shown;
  const value = s.valueQuantity?.value ?? s.length?.value ?? s.item?.[0]?.quantity.value;
  return value === undefined ? (s.description ?? s.note?.[0]?.text ?? '').slice(1) : String(value);
};
