// May a member's history be given to this payer? HRex Consent, judged check by check; the first failure decides and its
// reason stays in the house. https://hl7.org/fhir/us/davinci-hrex/ (hrex-consent)

import { timeRange } from '../../../src/fhir/instant.ts';
import { isNpiSystem, NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { parseReference, referenceTarget } from '../../../src/fhir/reference.ts';
import {
  hasCoding,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';

export const POLICY_URI = {
  regular: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular',
  sensitive: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#sensitive',
} as const;

type ConsentFault =
  | 'consent-malformed'
  | 'consent-other-patient'
  | 'consent-not-yet'
  | 'consent-expired'
  | 'consent-wrong-source'
  | 'consent-wrong-recipient'
  | 'consent-policy-unknown'
  | 'attestation-missing';

export type ConsentDecision =
  | {
      ok: true;
      policy: 'regular' | 'sensitive';
      from: string;
      to: string;
      /** another person consented for the member */
      byRepresentative: boolean;
    }
  | { ok: false; fault: ConsentFault };

/** A payer as requests name it. */
export type Payer = { npi: string | null; name: string; identifiers?: { system: string; value: string }[] };

/** What a resource contains, by id. */
export type Contained = ReadonlyMap<string, JsonObject>;

/** Of two of one id the first. */
export function containedOf(resource: JsonObject | undefined): Contained {
  const found = new Map<string, JsonObject>();
  for (const one of objects(resource?.['contained'])) {
    const id = text(one['id']);
    if (id !== undefined && !found.has(id)) found.set(id, one);
  }
  return found;
}

/** What a reference to an organization says of it: identifiers, and its name. */
function namesOf(reference: JsonObject, contained: Contained) {
  const target = text(reference['reference']);
  const local = target?.startsWith('#') ? contained.get(target.slice(1)) : undefined;
  return {
    identifiers: [...objects(reference['identifier']), ...objects(local?.['identifier'])],
    name: text(reference['display']) ?? text(local?.['name']),
  };
}

/** Does a reference to an organization name this payer: by identifier, or by name when it has no identifier. */
export function namesPayer(reference: JsonObject | undefined, payer: Payer, contained: Contained = new Map()): boolean {
  if (reference === undefined) return false;
  const { identifiers, name } = namesOf(reference, contained);
  const mine = [
    ...(payer.npi === null ? [] : [{ system: NPI_SYSTEM, value: payer.npi }]),
    ...(payer.identifiers ?? []),
  ];
  if (identifiers.length > 0)
    return identifiers.some((i) =>
      mine.some(
        (m) =>
          m.value === i['value'] && (m.system === i['system'] || (m.system === NPI_SYSTEM && isNpiSystem(i['system']))),
      ),
    );
  return name !== undefined && name.trim().toLowerCase() === payer.name.trim().toLowerCase();
}

/** Does a reference tell which organization it means? */
export function namesSomebody(reference: JsonObject, contained: Contained): boolean {
  const { identifiers, name } = namesOf(reference, contained);
  return identifiers.length > 0 || name !== undefined;
}

const actors = (provision: JsonObject, system: string, code: string): JsonObject[] =>
  objects(provision['actor'])
    .filter((a) => hasCoding(a['role'], system, code))
    .map((a) => a['reference'])
    .filter((r: Json | undefined): r is JsonObject => isObject(r));

const PROHIBITED = ['securityLabel', 'purpose', 'class', 'code', 'dataPeriod', 'data', 'provision'];
const isDay = (v: string | undefined): v is string =>
  v !== undefined && /^\d{4}-\d\d-\d\d$/.test(v) && timeRange(v) !== undefined;

/**
 * Is there something that changes what the rest means, and that we cannot know? No one may go by it then. What it
 * contains speaks for itself. https://hl7.org/fhir/R4/extensibility.html#modifierExtension
 */
const isModified = (value: Json | undefined): boolean =>
  Array.isArray(value)
    ? value.some(isModified)
    : isObject(value) &&
      Object.entries(value).some(
        ([name, v]) =>
          name === 'modifierExtension' || name === 'implicitRules' || (name !== 'contained' && isModified(v)),
      );

const mayBePatient = (reference: string): boolean => {
  const parsed = parseReference(reference);
  if (parsed.kind === 'relative' || parsed.kind === 'absolute') return parsed.type === 'Patient';
  return parsed.kind === 'fragment' || parsed.kind === 'urn';
};

/**
 * A reference that does not lead to the MemberPatient is tolerated, wherever it leads, as the guide's own examples have
 * such and a bundle holds one Patient anyway. One that leads to a Patient of ours is known to be about that one: an id
 * of ours is only known from an earlier match.
 */
const isOfOther = (reference: string, base: string | undefined, memberId: string | null | undefined): boolean => {
  const ours = base === undefined ? undefined : referenceTarget(reference, base);
  return (
    parseReference(reference).kind === 'absolute' &&
    ours?.startsWith('Patient/') === true &&
    ours !== `Patient/${memberId ?? ''}`
  );
};

/** Roles of those who may act for another person: powers of attorney, guardians and their like (v3-RoleCode). */
const FOR_ANOTHER = new Set([
  'POWATT',
  'DPOWATT',
  'HPOWATT',
  'SPOWATT',
  'GUARD',
  'RESPRSN',
  'EXCEST',
  'PROXY',
  'DELEGATEE',
]);

/** Was it another person than the member who consented: by the performer, or by a role among the actors (HRex, PDex 205 and 206)? */
function isByRepresentative(consent: Resource, provision: JsonObject): boolean {
  const contained = containedOf(consent);
  const isOther = objects(consent['performer']).some((p) => {
    const named = text(p['reference']) ?? '';
    const local = named.startsWith('#') ? contained.get(named.slice(1)) : undefined;
    const type = local ? text(local['resourceType']) : (text(p['type']) ?? /([A-Z][A-Za-z]+)\/[^/]+$/.exec(named)?.[1]);
    return type !== undefined && type !== 'Patient';
  });
  const codes = objects(provision['actor']).flatMap((a) =>
    objects(isObject(a['role']) ? a['role']['coding'] : undefined).map((c) => text(c['code']) ?? ''),
  );
  return isOther || codes.some((c) => FOR_ANOTHER.has(c));
}

/** The day on which a period begins, as it is written; of an instant that of UTC when it is earlier. */
function firstDay(start: string | undefined): string | undefined {
  const day = start?.slice(0, 10);
  const at = start === undefined || start === day ? undefined : timeRange(start)?.from.toISOString().slice(0, 10);
  return day === undefined || at === undefined || at > day ? day : at;
}

/**
 * @param bundle the parts of one MemberBundle; `memberId` of the member who was found; `attested` when the payer attests that the
 *   member is enrolled with it and has opted in (responder/match/attestation.ts)
 * @param parties us as the source, the authenticated peer as the recipient; `base` of our FHIR server
 * @param today local calendar date of the plan
 * @param begun the last day that has begun, here or in UTC: the asker's day may begin before ours does
 */
export function evaluateConsent(
  bundle: { consent: Resource; attested: boolean; memberId?: string | null },
  parties: { us: Payer; peer: Payer; base?: string },
  today: string,
  begun = today,
): ConsentDecision {
  const { consent } = bundle;
  const no = (fault: ConsentFault): ConsentDecision => ({ ok: false, fault });
  const provision = consent['provision'];
  if (
    consent.resourceType !== 'Consent' ||
    consent['status'] !== 'active' ||
    !hasCoding(consent['scope'], 'http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy') ||
    !hasCoding(consent['category'], 'http://terminology.hl7.org/CodeSystem/v3-ActCode', 'IDSCL') ||
    !isObject(provision) ||
    provision['type'] !== 'permit' ||
    !hasCoding(provision['action'], 'http://terminology.hl7.org/CodeSystem/consentaction', 'disclose') ||
    PROHIBITED.some((p) => provision[p] !== undefined) ||
    isModified(consent) ||
    (consent['sourceReference'] === undefined && consent['sourceAttachment'] === undefined) ||
    objects(consent['performer']).length !== 1
  )
    return no('consent-malformed');
  const period = provision['period'];
  const from = isObject(period) ? firstDay(text(period['start'])) : undefined;
  const to = isObject(period) ? text(period['end'])?.slice(0, 10) : undefined;
  if (!isDay(from) || !isDay(to) || from > to) return no('consent-malformed');
  const patient = consent['patient'];
  const named = isObject(patient) ? text(patient['reference']) : undefined;
  if (named === undefined || !mayBePatient(named) || isOfOther(named, parties.base, bundle.memberId))
    return no('consent-other-patient');
  if (begun < from) return no('consent-not-yet');
  if (today > to) return no('consent-expired');
  const contained = containedOf(consent);
  const sources = actors(provision, 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'performer');
  if (!sources.some((a) => namesPayer(a, parties.us, contained))) return no('consent-wrong-source');
  const recipients = actors(provision, 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP');
  if (!recipients.some((a) => namesPayer(a, parties.peer, contained))) return no('consent-wrong-recipient');
  const uris = objects(consent['policy']).map((p) => text(p['uri']));
  const policies = (['regular', 'sensitive'] as const).filter((p) => uris.includes(POLICY_URI[p]));
  const policy = policies[0];
  if (policies.length !== 1 || policy === undefined) return no('consent-policy-unknown');
  if (!bundle.attested) return no('attestation-missing');
  // by our own days it holds from now on
  return {
    ok: true,
    policy,
    from: from > today ? today : from,
    to,
    byRepresentative: isByRepresentative(consent, provision),
  };
}
