// The MemberBundles of a bulk match request: person, coverage at the peer, coverage with us, and consent. Ids are made for
// the request; nothing of ours is readable from them.
import type { Consent, Coverage, DocumentReference, Parameters, Patient } from 'fhir/r4.js';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { type Payer, POLICY_URI } from '../consent/evaluate.ts';

export type Submission = {
  submittedId: string;
  /** our own Patient of the member, as stored */
  patient: Patient;
  memberNumber: string;
  coverageStart: string;
  /** the member's coverage at the peer */
  theirNumber: string;
  theirPeriod: { start?: string; end?: string };
  consent: { id: string; recordedOn: string; policy: 'regular' | 'sensitive' };
};

const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const PARAMETERS_PROFILE =
  'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-parameters-multi-member-match-bundle-in';

const organization = (payer: Payer) => ({
  ...(payer.npi === null ? {} : { identifier: { system: NPI_SYSTEM, value: payer.npi } }),
  display: payer.name,
});
const self = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/subscriber-relationship', code: 'self' }] };

/** What is needed to find the person, and no more. */
export function memberPatient(s: Submission): Patient {
  const { name, gender, birthDate, address, telecom } = s.patient;
  return {
    resourceType: 'Patient',
    id: s.submittedId,
    ...(name
      ? {
          name: name.map(({ use, family, given, suffix }) => ({
            ...(use ? { use } : {}),
            ...(family ? { family } : {}),
            ...(given ? { given } : {}),
            ...(suffix ? { suffix } : {}),
          })),
        }
      : {}),
    ...(telecom ? { telecom: telecom.filter((t) => t.system === 'phone' || t.system === 'email') } : {}),
    ...(gender ? { gender } : {}),
    ...(birthDate ? { birthDate } : {}),
    ...(address
      ? {
          address: address.map(({ line, city, state, postalCode }) => ({
            ...(line ? { line } : {}),
            ...(city ? { city } : {}),
            ...(state ? { state } : {}),
            ...(postalCode ? { postalCode } : {}),
          })),
        }
      : {}),
  };
}

function coverage(
  s: Submission,
  id: string,
  number: string,
  period: { start?: string; end?: string },
  payer: Payer,
): Coverage {
  return {
    resourceType: 'Coverage',
    id,
    ...(number === ''
      ? {}
      : { identifier: [{ type: { coding: [{ system: V2_0203, code: 'MB' }] }, value: number }], subscriberId: number }),
    status: 'active',
    beneficiary: { reference: `Patient/${s.submittedId}` },
    relationship: self,
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

function consent(
  s: Submission,
  us: Payer,
  peer: Payer,
  ends: string,
  evidenceUrl: string,
  statement: string | undefined,
): Consent {
  return {
    resourceType: 'Consent',
    id: consentIdOf(s),
    ...(statement === undefined ? {} : { contained: [original(evidenceUrl, statement)] }),
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IDSCL' }] }],
    patient: { reference: `Patient/${s.submittedId}` },
    dateTime: s.consent.recordedOn,
    performer: [{ reference: `Patient/${s.submittedId}` }],
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
        { name: 'CoverageToMatch', resource: coverage(s, coverageId('match', i), s.theirNumber, s.theirPeriod, peer) },
        {
          name: 'CoverageToLink',
          resource: coverage(s, coverageId('link', i), s.memberNumber, { start: s.coverageStart }, us),
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
