// The MemberBundles of a bulk match request: person, coverage at the peer, coverage with us, and consent. Ids are made for
// the request; nothing of ours is readable from them.
import type {
  Address,
  Consent,
  Coverage,
  DocumentReference,
  Element,
  HumanName,
  Parameters,
  Patient,
  Reference,
  RelatedPerson,
} from 'fhir/r4.js';
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { type Payer, POLICY_URI } from '../../members/consent/evaluate.ts';

export type Submission = {
  submittedId: string;
  /** our own Patient of the member, as stored */
  patient: Patient;
  memberNumber: string;
  /** of the coverage with us, where it is known */
  subscriberId: string | null;
  coverageStart: string;
  /** the member's coverage at the peer */
  theirNumber: string;
  theirPeriod: { start?: string; end?: string };
  consent: {
    id: string;
    recordedOn: string;
    policy: 'regular' | 'sensitive';
    /** who chose for the member, and by what right, in the words of that person; null when the member chose */
    representative: { name: string; authority: string } | null;
  };
};

const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const PARAMETERS_PROFILE =
  'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-parameters-multi-member-match-bundle-in';

const organization = (payer: Payer) => ({
  ...(payer.npi === null ? {} : { identifier: { system: NPI_SYSTEM, value: payer.npi } }),
  display: payer.name,
});
/**
 * Whether the member is the subscriber, or whose child or spouse, is stated by no card: HRex wants a relationship, or
 * that it is not known.
 */
const UNKNOWN_RELATIONSHIP = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'unknown' }],
};
/** In the place of what a profile wants and no one stated. https://hl7.org/fhir/R4/extension-data-absent-reason.html */
const NOT_KNOWN: Element = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
};
const BIRTH_SEX = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex';

/** A name with what hrex-patient-demographics wants of it. */
const memberName = ({ use, family, given, suffix }: HumanName): HumanName => ({
  ...(use ? { use } : {}),
  ...(family ? { family } : { _family: NOT_KNOWN }),
  ...(given && given.length > 0 ? { given } : { _given: [NOT_KNOWN] }),
  ...(suffix ? { suffix } : {}),
});

/** Gender, or else the sex at birth: one of them is wanted (hrex-pat-1). */
function sexOf({ gender, extension }: Patient): Pick<Patient, 'gender' | 'extension'> {
  const birthSex = extension?.find((e) => e.url === BIRTH_SEX && e.valueCode !== undefined);
  if (gender === undefined && birthSex !== undefined) return { extension: [birthSex] };
  return { gender: gender ?? 'unknown' };
}

/** Street, city, state and ZIP code. One that has none of them, but a text or a country, is left out: what is empty is no FHIR. */
const addressesOf = ({ address = [] }: Patient): Address[] =>
  address
    .map(({ line, city, state, postalCode }) => ({
      ...(line ? { line } : {}),
      ...(city ? { city } : {}),
      ...(state ? { state } : {}),
      ...(postalCode ? { postalCode } : {}),
    }))
    .filter((a) => Object.keys(a).length > 0);

/**
 * What is needed to find the person, and no more. What the profile wants and is not known is said so: a payer that
 * looks refuses the members who come with it, too.
 */
export function memberPatient(s: Submission): Patient {
  const { name = [], birthDate, telecom = [] } = s.patient;
  const address = addressesOf(s.patient);
  const reached = telecom.filter((t) => t.system === 'phone' || t.system === 'email');
  return {
    resourceType: 'Patient',
    id: s.submittedId,
    ...sexOf(s.patient),
    name: (name.length > 0 ? name : [{}]).map(memberName),
    ...(reached.length > 0 ? { telecom: reached } : {}),
    ...(birthDate ? { birthDate } : { _birthDate: NOT_KNOWN }),
    ...(address.length > 0 ? { address } : {}),
  };
}

function coverage(
  s: Submission,
  id: string,
  card: { number: string; subscriberId?: string | null },
  period: { start?: string; end?: string },
  payer: Payer,
): Coverage {
  const { number } = card;
  return {
    resourceType: 'Coverage',
    id,
    // one of the two is wanted (us-core-15)
    ...(number === ''
      ? { _subscriberId: NOT_KNOWN }
      : {
          identifier: [{ type: { coding: [{ system: V2_0203, code: 'MB' }] }, value: number }],
          subscriberId: card.subscriberId ?? number,
        }),
    status: 'active',
    beneficiary: { reference: `Patient/${s.submittedId}` },
    relationship: UNKNOWN_RELATIONSHIP,
    ...(period.start === undefined && period.end === undefined ? {} : { period }),
    payor: [organization(payer)],
  };
}

/** Ids within a request. */
export const consentIdOf = (s: Submission): string => `consent-${s.submittedId}`.slice(0, 64);
export const coverageId = (part: 'match' | 'link', position: number): string => `${part}-${position + 1}`;

/** Where the signed original is, and with it our statement about the member. */
const original = (url: string, statement: string): DocumentReference => ({
  resourceType: 'DocumentReference',
  id: 'original',
  status: 'current',
  content: [
    { attachment: { url } },
    { attachment: { contentType: 'application/jose', data: Buffer.from(statement).toString('base64') } },
  ],
});

const RESPONSIBLE = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode',
  code: 'RESPRSN',
  display: 'responsible party',
};

/** Who chose for the member (PDex 205, 206). */
const representative = (s: Submission, by: { name: string; authority: string }): RelatedPerson => ({
  resourceType: 'RelatedPerson',
  id: 'representative',
  active: true,
  patient: { reference: `Patient/${s.submittedId}` },
  relationship: [{ coding: [RESPONSIBLE], text: by.authority }],
  name: [{ text: by.name }],
});

/** Where that one, or the member, is reported. A payer that takes no contained resources gets the name alone. */
function consenter(s: Submission, takesContained: boolean): Reference {
  const by = s.consent.representative;
  if (by === null) return { reference: `Patient/${s.submittedId}` };
  return { ...(takesContained ? { reference: '#representative' } : {}), type: 'RelatedPerson', display: by.name };
}

function consent(
  s: Submission,
  us: Payer,
  peer: Payer,
  ends: string,
  evidenceUrl: string,
  statement: string | undefined,
): Consent {
  const by = s.consent.representative;
  const who = consenter(s, statement !== undefined);
  return {
    resourceType: 'Consent',
    id: consentIdOf(s),
    ...(statement === undefined
      ? {}
      : { contained: [original(evidenceUrl, statement), ...(by === null ? [] : [representative(s, by)])] }),
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IDSCL' }] }],
    patient: { reference: `Patient/${s.submittedId}` },
    dateTime: s.consent.recordedOn,
    performer: [who],
    sourceReference: { reference: statement === undefined ? evidenceUrl : '#original' },
    policy: [{ uri: POLICY_URI[s.consent.policy] }],
    provision: {
      type: 'permit',
      period: { start: s.consent.recordedOn, end: ends },
      actor: [
        {
          role: {
            coding: [
              { system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'performer' },
            ],
          },
          reference: organization(peer),
        },
        {
          role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
          reference: organization(us),
        },
        ...(by === null ? [] : [{ role: { coding: [RESPONSIBLE], text: by.authority }, reference: who }]),
      ],
      action: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code: 'disclose' }] }],
    },
  };
}

/**
 * The request body.
 * @param consentEnds last day of the consents, YYYY-MM-DD
 * @param evidenceBase where the peer may ask for the signed originals
 * @param statements our signed statements about members, by the id under which each is submitted
 */
export function matchRequest(
  submissions: readonly Submission[],
  us: Payer,
  peer: Payer,
  consentEnds: string,
  evidenceBase: string,
  statements: ReadonlyMap<string, string> = new Map(),
): Parameters {
  return {
    resourceType: 'Parameters',
    meta: { profile: [PARAMETERS_PROFILE] },
    parameter: submissions.map((s, i) => ({
      name: 'MemberBundle',
      part: [
        { name: 'MemberPatient', resource: memberPatient(s) },
        {
          name: 'CoverageToMatch',
          resource: coverage(s, coverageId('match', i), { number: s.theirNumber }, s.theirPeriod, peer),
        },
        {
          name: 'CoverageToLink',
          resource: coverage(
            s,
            coverageId('link', i),
            { number: s.memberNumber, subscriberId: s.subscriberId },
            { start: s.coverageStart },
            us,
          ),
        },
        {
          name: 'Consent',
          resource: consent(s, us, peer, consentEnds, `${evidenceBase}/${s.consent.id}`, statements.get(s.submittedId)),
        },
      ],
    })),
  };
}

/** The request body of $member-match: the same parts, of one member, and nothing beside them (its slicing is closed). */
export function singleMatchRequest(
  ...request: [Submission, Payer, Payer, string, string, ReadonlyMap<string, string>?]
): Parameters {
  const [submission, ...rest] = request;
  return {
    resourceType: 'Parameters',
    parameter: matchRequest([submission], ...rest).parameter?.[0]?.part ?? [],
  };
}
