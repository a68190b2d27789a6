// Search parameters of members' records and of what they name: what US Core and CARIN Blue Button ask a server to search by.
// The handlers, the CapabilityStatement and the documentation read this table. http://hl7.org/fhir/us/core/STU6.1/
import { isShared, RECORD_TYPES } from '../../records/facts/record-types.ts';

type ParameterKind = 'token' | 'date' | 'string' | 'reference';
/** `path`: members from the resource on; `x[y]` is not used, a trailing `[x]` stands for every type of a choice. */
export type MemberParameter = {
  kind: ParameterKind;
  paths: readonly string[];
  /** it may be asked for without naming a member, of all whom the peer may see */
  isAlone?: true;
};

const token = (...paths: string[]): MemberParameter => ({ kind: 'token', paths });
const date = (...paths: string[]): MemberParameter => ({ kind: 'date', paths });
const text = (...paths: string[]): MemberParameter => ({ kind: 'string', paths });
const reference = (...paths: string[]): MemberParameter => ({ kind: 'reference', paths });

const code = token('code');
const status = token('status');
const category = token('category');
const identifier = token('identifier');
const active = token('active');
const encounter = reference('encounter');
const ADDRESS = {
  address: text('address'),
  'address-city': text('address.city'),
  'address-state': text('address.state'),
  'address-postalcode': text('address.postalCode'),
};

const OWN: Readonly<Record<string, Readonly<Record<string, MemberParameter>>>> = {
  Patient: {
    identifier,
    name: text('name'),
    family: text('name.family'),
    given: text('name.given'),
    birthdate: date('birthDate'),
    gender: token('gender'),
  },
  Coverage: { identifier, status, type: token('type'), payor: reference('payor') },
  ExplanationOfBenefit: {
    identifier: { ...identifier, isAlone: true },
    status,
    type: token('type'),
    use: token('use'),
    created: date('created'),
    'service-date': date('billablePeriod', 'item.serviced[x]'),
    'service-start-date': date('billablePeriod.start', 'item.serviced[x]'),
    'billable-period-start': date('billablePeriod.start'),
    provider: reference('provider'),
    'care-team': reference('careTeam.provider'),
    coverage: reference('insurance.coverage'),
    insurer: reference('insurer'),
    payee: reference('payee.party'),
  },
  Provenance: { target: reference('target'), recorded: date('recorded'), agent: reference('agent.who') },
  RelatedPerson: { name: text('name') },
  Encounter: {
    identifier,
    status,
    class: token('class'),
    type: token('type'),
    date: date('period'),
    location: reference('location.location'),
    'discharge-disposition': token('hospitalization.dischargeDisposition'),
  },
  AllergyIntolerance: { 'clinical-status': token('clinicalStatus'), code },
  CarePlan: { category, status, date: date('period') },
  CareTeam: { status, role: token('participant.role'), participant: reference('participant.member') },
  Condition: {
    category,
    code,
    'clinical-status': token('clinicalStatus'),
    'onset-date': date('onset[x]'),
    'recorded-date': date('recordedDate'),
    'abatement-date': date('abatement[x]'),
    encounter,
  },
  Device: { type: token('type'), status },
  DiagnosticReport: { category, code, status, date: date('effective[x]') },
  DocumentReference: { category, type: token('type'), status, date: date('date'), period: date('context.period') },
  Goal: {
    'lifecycle-status': token('lifecycleStatus'),
    'target-date': date('target.due[x]'),
    description: token('description'),
  },
  Immunization: { status, date: date('occurrence[x]'), 'vaccine-code': token('vaccineCode') },
  MedicationDispense: { status, type: token('type'), medication: reference('medicationReference') },
  MedicationRequest: {
    intent: token('intent'),
    status,
    authoredon: date('authoredOn'),
    encounter,
    medication: reference('medicationReference'),
  },
  Observation: { category, code, status, date: date('effective[x]'), encounter },
  Procedure: { code, status, date: date('performed[x]') },
  QuestionnaireResponse: { status, authored: date('authored'), questionnaire: text('questionnaire') },
  ServiceRequest: { category, code, status, authored: date('authoredOn') },
  // directory entries, of those that records of the peer's members name
  Organization: { identifier, active, name: text('name', 'alias'), type: token('type'), ...ADDRESS },
  Practitioner: {
    identifier,
    active,
    name: text('name'),
    family: text('name.family'),
    given: text('name.given'),
  },
  Location: {
    identifier,
    status,
    name: text('name', 'alias'),
    organization: reference('managingOrganization'),
    ...ADDRESS,
  },
  HealthcareService: {
    identifier,
    active,
    name: text('name'),
    specialty: token('specialty'),
    organization: reference('providedBy'),
    location: reference('location'),
  },
  PractitionerRole: {
    identifier,
    active,
    practitioner: reference('practitioner'),
    organization: reference('organization'),
    location: reference('location'),
    specialty: token('specialty'),
    role: token('code'),
  },
  Medication: { identifier, code, status },
};

/** Names by which a type's member may be given. */
export function memberNames(type: string): readonly string[] {
  if (type === 'Patient') return [];
  if (type === 'Provenance') return ['patient'];
  return [...new Set(['patient', ...(RECORD_TYPES[type]?.patient ?? [])])];
}

/** Parameters of a type beside `_id`, `_lastUpdated` and its member. */
export const memberParameters = (type: string): Readonly<Record<string, MemberParameter>> => OWN[type] ?? {};

/** What may be included with a type: its references, its member and the Provenance of its records. */
const includesOf = (type: string): readonly string[] => [
  // a directory entry names no member
  ...(isShared(type) ? [] : memberNames(type).slice(0, 1)),
  ...Object.entries(memberParameters(type)).flatMap(([name, p]) => (p.kind === 'reference' ? [name] : [])),
];

/** Forms that a guide spells with the type that is wanted. */
const TYPED: Readonly<Record<string, readonly string[]>> = {
  CareTeam: ['PractitionerRole', 'Practitioner', 'Patient', 'RelatedPerson'].map((target) => `participant:${target}`),
};

/** Values of `_include` that a type is said to take. */
export const includeValues = (type: string): readonly string[] =>
  [...includesOf(type), ...(TYPED[type] ?? []), ...(includesOf(type).length > 1 ? ['*'] : [])].map(
    (name) => `${type}:${name}`,
  );

/** A reference parameter whose targets come along: all of them, or those of one type. */
export type Include = { name: string; target: string | undefined };

/** What `Type:name`, `Type:name:Target` or `Type:*` includes; undefined when it is nothing of this type. */
export function readInclude(type: string, value: string): Include[] | undefined {
  const [of, name = '', target, ...more] = value.split(':');
  if (of !== type || more.length > 0) return undefined;
  if (name === '*' && target === undefined) return includesOf(type).map((each) => ({ name: each, target }));
  const isKnown = includesOf(type).includes(name) && (target === undefined || Object.hasOwn(RECORD_TYPES, target));
  return isKnown ? [{ name, target }] : undefined;
}
