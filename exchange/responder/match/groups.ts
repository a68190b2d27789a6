// The Groups that answer a bulk match (PDex 2.2) and the Parameters form of 2.1.
// http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-member-match-group

import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { objects, text } from '../../../src/fhir/resource.ts';
import type { Payer } from '../../members/consent/evaluate.ts';
import type { MemberBundle } from './read-member-bundle.ts';

export type Bucket = 'match' | 'nomatch' | 'consentconstraint';
export const RESULT_SYSTEM = 'http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PdexMultiMemberMatchResultCS';
export const MATCH_PARAMETERS = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters';
const MATCH_COVERAGE = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-coverage';
const PROFILE = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/';

/** System of the identifier by which all Groups of one match are found. */
export const matchBatchSystem = (baseUrl: string): string => `${baseUrl}/sid/match-batch`;

const organization = (payer: Payer): JsonObject => ({
  ...(payer.npi === null ? {} : { identifier: { system: NPI_SYSTEM, value: payer.npi } }),
  display: payer.name,
});

/** The submitted Patient, untouched but for what must not be contained. */
function containedPatient(bundle: MemberBundle): JsonObject {
  const { contained: _, meta, ...rest } = bundle.patient;
  const { versionId: _v, lastUpdated: _l, security: _s, ...kept } = (meta ?? {}) as JsonObject;
  return { ...rest, ...(Object.keys(kept).length > 0 ? { meta: kept } : {}) };
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

type About = { id: string; batch: string; batchSystem: string; us: Payer; peer: Payer; at: string; on: string };
type Entry = { contained: string; memberId: string | undefined; coverage: string; coverageId: string };

const inside = (object: JsonObject): string => JSON.stringify(object).slice(1, -1);

/** A Group whose members are added one after the other, as text: of ten thousand none is kept as an object. */
export class GroupText {
  readonly bucket: Bucket;
  readonly #about: About;
  readonly #submitted: ReadonlySet<string>;
  /** contained Patients, by the text that came */
  readonly #patients = new Map<string, { id: string; text: string }>();
  readonly #ids = new Set<string>();
  readonly #entries: Entry[] = [];

  /**
   * @param about `at`: instant of the match; `on` its local date
   * @param submitted the ids of all Patients of the request, which are given to none that has another
   */
  constructor(bucket: Bucket, about: About, submitted: ReadonlySet<string>) {
    this.bucket = bucket;
    this.#about = about;
    this.#submitted = submitted;
  }

  get id(): string {
    return this.#about.id;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(bundle: MemberBundle, memberId: string | undefined): void {
    let coverageId = `cov-${bundle.position + 1}`;
    // a Patient may have been submitted under it
    while (this.#submitted.has(coverageId)) coverageId = `cov-${coverageId}`;
    const coverage = JSON.stringify({ ...bundle.coverageToMatch, id: coverageId });
    this.#entries.push({ contained: this.#contain(bundle), memberId, coverage, coverageId });
  }

  /** The id of the contained Patient: one that came several times is contained once; other ones under its id get ids like it. */
  #contain(bundle: MemberBundle): string {
    const patient = containedPatient(bundle);
    const text = JSON.stringify(patient);
    const known = this.#patients.get(text);
    if (known !== undefined) return known.id;
    let id = bundle.patientId;
    for (let n = 2; this.#ids.has(id) || (n > 2 && this.#submitted.has(id)); n++)
      id = `${bundle.patientId.slice(0, 63 - String(n).length)}.${n}`;
    this.#ids.add(id);
    this.#patients.set(text, { id, text: id === bundle.patientId ? text : JSON.stringify({ ...patient, id }) });
    return id;
  }

  /** The text in parts. Those who share a Patient, or a person of ours, are distinguished by their coverage. */
  *parts(): Generator<string> {
    const patients = times(this.#entries.map((e) => e.contained));
    const persons = times(this.#entries.map((e) => e.memberId));
    const isOneOfSeveral = (e: Entry) =>
      (patients.get(e.contained) ?? 0) > 1 || (e.memberId !== undefined && (persons.get(e.memberId) ?? 0) > 1);
    yield `{${this.#head()}`;
    const coverages = this.#entries.filter(isOneOfSeveral).map((e) => e.coverage);
    yield* list('contained', [...Array.from(this.#patients.values(), (p) => p.text), ...coverages]);
    yield `,${this.#body()}`;
    yield* list('member', this.#entries, (e) => {
      const extension: JsonObject[] = [{ url: MATCH_PARAMETERS, valueReference: { reference: `#${e.contained}` } }];
      if (isOneOfSeveral(e)) extension.push({ url: MATCH_COVERAGE, valueReference: { reference: `#${e.coverageId}` } });
      const reference = e.memberId === undefined ? `#${e.contained}` : `Patient/${e.memberId}`;
      return JSON.stringify({ entity: { extension, reference } });
    });
    yield '}';
  }

  #head(): string {
    const { id, at } = this.#about;
    const profile = `${PROFILE}${this.bucket === 'match' ? 'pdex-member-match-group' : 'pdex-member-no-match-group'}`;
    return inside({ resourceType: 'Group', id, meta: { lastUpdated: at, profile: [profile] } });
  }

  #body(): string {
    const { batch, batchSystem, us, peer, on } = this.#about;
    const characteristic = {
      code: { coding: [{ system: RESULT_SYSTEM, code: 'match' }] },
      valueReference: organization(peer),
      exclude: false,
      period: { start: on },
    };
    return inside({
      identifier: [{ system: batchSystem, value: batch, assigner: { display: us.name } }],
      type: 'person',
      actual: true,
      code: { coding: [{ system: RESULT_SYSTEM, code: this.bucket }] },
      managingEntity: organization(us),
      ...(this.bucket === 'match' ? { characteristic: [characteristic] } : {}),
    });
  }
}

/** A further member of an object, when there is something in the list. */
function* list<T>(name: string, items: readonly T[], textOf: (item: T) => string = String): Generator<string> {
  for (const [i, item] of items.entries()) yield `${i === 0 ? `,"${name}":[` : ','}${textOf(item)}`;
  if (items.length > 0) yield ']';
}

/** How often each is there. */
function times<T>(values: readonly T[]): Map<T, number> {
  const found = new Map<T, number>();
  for (const v of values) found.set(v, (found.get(v) ?? 0) + 1);
  return found;
}

const PARAMETER: Record<Bucket, string> = {
  match: 'MatchedMembers',
  nomatch: 'NonMatchedMembers',
  consentconstraint: 'ConsentConstrainedMembers',
};

/** The PDex 2.1 form of the same Groups, in parts. */
export function* matchParameters(groups: readonly Pick<GroupText, 'bucket' | 'parts'>[]): Generator<string> {
  const head = inside({
    resourceType: 'Parameters',
    meta: { profile: [`${PROFILE}pdex-parameters-multi-member-match-bundle-out`] },
  });
  yield `{${head},"parameter":[`;
  for (const [i, group] of groups.entries()) {
    yield `${i === 0 ? '' : ','}{"name":"${PARAMETER[group.bucket]}","resource":`;
    yield* group.parts();
    yield '}';
  }
  yield ']}';
}

const BUCKETS = Object.keys(PARAMETER) as Bucket[];

/**
 * What a Group of an answer says of its members: by its code, in the guide's code system where it is there; without a code by
 * its profile; without either by the name of the parameter that it came under. Undefined where it says nothing, or two things.
 * @param parameter the name of the parameter, of an answer in Parameters
 */
export function bucketOf(group: JsonObject, parameter?: string): Bucket | undefined {
  const codings = objects((group['code'] as JsonObject | undefined)?.['coding']);
  const guides = codings.filter((c) => c['system'] === RESULT_SYSTEM);
  const codes = new Set((guides.length > 0 ? guides : codings).map((c) => c['code']));
  const coded = BUCKETS.filter((b) => codes.has(b));
  if (codings.length > 0) return coded.length === 1 ? coded[0] : undefined;
  const named = BUCKETS.find((b) => PARAMETER[b] === parameter);
  const profile = (group['meta'] as JsonObject | undefined)?.['profile'];
  const profiles = (Array.isArray(profile) ? profile : []).map((p) => text(p)?.split('|')[0]);
  if (profiles.includes(`${PROFILE}pdex-member-match-group`)) return 'match';
  if (profiles.includes(`${PROFILE}pdex-member-no-match-group`))
    return named === 'consentconstraint' ? named : 'nomatch';
  return named;
}
