// The Groups that answer a bulk match (PDex 2.2) and the Parameters form of 2.1.
// http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-member-match-group

import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { objects } from '../../src/fhir/resource.ts';
import type { Payer } from '../consent/evaluate.ts';
import type { MemberBundle } from './member-bundle.ts';

export type Bucket = 'match' | 'nomatch' | 'consentconstraint';
export const RESULT_SYSTEM = 'http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PdexMultiMemberMatchResultCS';
export const MATCH_PARAMETERS = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters';
const MATCH_COVERAGE = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-coverage';
const PROFILE = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/';

/** System of the identifier by which all Groups of one match are found. */
export const matchBatchSystem = (baseUrl: string): string => `${baseUrl}/sid/match-batch`;

export type Placed = { bundle: MemberBundle; memberId: string | undefined };

const organization = (payer: Payer): JsonObject => ({
  ...(payer.npi === null ? {} : { identifier: { system: NPI_SYSTEM, value: payer.npi } }),
  display: payer.name,
});

/** The submitted Patient, untouched but for what must not be contained. */
function containedPatient(bundle: MemberBundle, id: string): JsonObject {
  const { contained: _, meta, ...rest } = bundle.patient;
  const { versionId: _v, lastUpdated: _l, security: _s, ...kept } = (meta ?? {}) as JsonObject;
  return { ...rest, id, ...(Object.keys(kept).length > 0 ? { meta: kept } : {}) };
}

/** A member's id for peers: coded as HRex 1.0 (MB) and 1.1 (UMB) want it, findable by `Patient?identifier=`. */
export function umbIdentifier(umb: string, baseUrl: string): JsonObject {
  return {
    type: {
      coding: [
        { system: 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp', code: 'UMB' },
        { system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' },
      ],
    },
    system: `${baseUrl}/sid/umb`,
    value: umb,
  };
}

/**
 * One Group.
 * @param at instant of the match; `on` its local date
 */
export function matchGroup(
  bucket: Bucket,
  placed: readonly Placed[],
  about: { id: string; batch: string; batchSystem: string; us: Payer; peer: Payer; at: string; on: string },
): JsonObject {
  const contained: JsonObject[] = [];
  const used = new Map<string, number>();
  const persons = new Map<string, number>();
  for (const p of placed) if (p.memberId !== undefined) persons.set(p.memberId, (persons.get(p.memberId) ?? 0) + 1);
  const members = placed.map(({ bundle, memberId }) => {
    const times = (used.get(bundle.patientId) ?? 0) + 1;
    used.set(bundle.patientId, times);
    const id = times === 1 ? bundle.patientId : `${bundle.patientId}.${times}`;
    contained.push(containedPatient(bundle, id));
    const extension: JsonObject[] = [{ url: MATCH_PARAMETERS, valueReference: { reference: `#${id}` } }];
    // two bundles that lead to one person are told apart by their coverage
    if (times > 1 || (memberId !== undefined && (persons.get(memberId) ?? 0) > 1)) {
      const coverageId = `cov-${bundle.position + 1}`;
      contained.push({ ...bundle.coverageToMatch, id: coverageId });
      extension.push({ url: MATCH_COVERAGE, valueReference: { reference: `#${coverageId}` } });
    }
    return { entity: { extension, reference: memberId === undefined ? `#${id}` : `Patient/${memberId}` } };
  });
  return {
    resourceType: 'Group',
    id: about.id,
    meta: {
      lastUpdated: about.at,
      profile: [`${PROFILE}${bucket === 'match' ? 'pdex-member-match-group' : 'pdex-member-no-match-group'}`],
    },
    ...(contained.length > 0 ? { contained } : {}),
    identifier: [{ system: about.batchSystem, value: about.batch, assigner: { display: about.us.name } }],
    type: 'person',
    actual: true,
    code: { coding: [{ system: RESULT_SYSTEM, code: bucket }] },
    managingEntity: organization(about.us),
    ...(bucket === 'match'
      ? {
          characteristic: [
            {
              code: { coding: [{ system: RESULT_SYSTEM, code: 'match' }] },
              valueReference: organization(about.peer),
              exclude: false,
              period: { start: about.on },
            },
          ],
        }
      : {}),
    ...(members.length > 0 ? { member: members } : {}),
  };
}

const PARAMETER: Record<Bucket, string> = {
  match: 'MatchedMembers',
  nomatch: 'NonMatchedMembers',
  consentconstraint: 'ConsentConstrainedMembers',
};

/** The PDex 2.1 form of the same Groups. */
export function matchParameters(groups: readonly { bucket: Bucket; group: JsonObject }[]): JsonObject {
  return {
    resourceType: 'Parameters',
    meta: { profile: [`${PROFILE}pdex-parameters-multi-member-match-bundle-out`] },
    parameter: groups.map(({ bucket, group }) => ({ name: PARAMETER[bucket], resource: group })),
  };
}

/** Which Groups hold a member in an answer: by code, for readers. */
export function bucketOf(group: JsonObject): Bucket | undefined {
  const codes = objects((group['code'] as JsonObject | undefined)?.['coding']).map((c) => c['code']);
  return (['match', 'nomatch', 'consentconstraint'] as const).find((b) => codes.includes(b));
}
