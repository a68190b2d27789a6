// Whose answer is it? The Groups of a match answer, led back to the members that were submitted. A contained Patient's id
// is the proof, together with its name and birth date; the order of entries never is.
import { fold } from '../../../src/fhir/fold.ts';
import { referenceId } from '../../../src/fhir/reference.ts';
import {
  extensions,
  isObject,
  isResource,
  type Json,
  type JsonObject,
  objects,
  text,
} from '../../../src/fhir/resource.ts';
import { type Bucket, bucketOf, MATCH_PARAMETERS } from '../../responder/match/groups.ts';

/** `memberId`: whom it is about. One member is submitted once for each card there. */
export type Submitted = {
  submittedId: string;
  memberId: string;
  family: string | undefined;
  birthDate: string | undefined;
};
export type Correlated = {
  submittedId: string;
  outcome: 'matched' | 'not-matched' | 'constrained' | 'missing' | 'contradictory' | 'conflict';
  peerPatientId: string | null;
  /** further Patients that the peer has of the one person, in the same Group */
  furtherPatients?: string[];
  /** id of the match Group that it is in, where the answer says one */
  groupId?: string | undefined;
};
export type Correlation = { members: Correlated[]; groupId: string | undefined; uncorrelated: number };

/** A Group of an answer, with the name of the parameter that it came under. */
export type AnsweredGroup = { group: JsonObject; parameter?: string };

/** The Groups in a Group file, a Parameters file or a bare answer. */
export function groupsIn(resources: readonly Json[]): AnsweredGroup[] {
  const groups = resources.filter((r) => isResource(r) && r.resourceType === 'Group') as JsonObject[];
  if (groups.length > 0) return groups.map((group) => ({ group }));
  const within = (entries: readonly JsonObject[]): AnsweredGroup[] =>
    entries.flatMap(({ resource: group, name }) => {
      if (!isObject(group)) return [];
      const parameter = text(name);
      return [{ group, ...(parameter === undefined ? {} : { parameter }) }];
    });
  return resources.flatMap((r) => {
    if (!isResource(r)) return [];
    if (r.resourceType === 'Parameters') return within(objects(r['parameter']));
    return r.resourceType === 'Bundle' ? within(objects(r['entry'])) : [];
  });
}

const OUTCOME: Record<Bucket, Correlated['outcome']> = {
  match: 'matched',
  nomatch: 'not-matched',
  consentconstraint: 'constrained',
};

/**
 * By which a Group can be asked for. Ids that FHIR does not allow are met; one with control characters is none, and no
 * text that is kept.
 */
function idOf(group: JsonObject): string | undefined {
  const id = text(group['id']);
  return id === undefined || !id.isWellFormed() || /\p{Cc}/u.test(id) ? undefined : id;
}

/**
 * @param peerBase FHIR base of the peer: a Patient of another server is none of those that its records are about
 */
export function correlate(
  groups: readonly AnsweredGroup[],
  submitted: readonly Submitted[],
  peerBase: string,
): Correlation {
  const wanted = new Map(submitted.map((s) => [s.submittedId, s]));
  const found = new Map<
    string,
    { outcome: Correlated['outcome']; patient: string | null; group: string | undefined }[]
  >();
  let uncorrelated = 0;
  let groupId: string | undefined;
  for (const { group, parameter } of groups) {
    const bucket = bucketOf(group, parameter);
    if (bucket === undefined) continue;
    if (bucket === 'match') groupId ??= idOf(group);
    const contained = objects(group['contained']);
    for (const member of objects(group['member'])) {
      // once in the Group, and no longer
      if (member['inactive'] === true) continue;
      const entity = isObject(member['entity']) ? member['entity'] : {};
      const pointer =
        extensions(entity, MATCH_PARAMETERS).map((e) =>
          isObject(e['valueReference']) ? text(e['valueReference']['reference']) : undefined,
        )[0] ?? text(entity['reference']);
      const id = pointer?.startsWith('#') ? pointer.slice(1) : undefined;
      const patient = contained.find((p) => p['id'] === id);
      const asked = id === undefined ? undefined : (wanted.get(id) ?? wanted.get(id.replace(/\.\d+$/, '')));
      const reference = text(entity['reference']);
      const theirs = referenceId(reference, 'Patient', peerBase);
      const isElsewhere = theirs === undefined && referenceId(reference, 'Patient') !== undefined;
      if (!patient || !asked || isElsewhere || !isSamePerson(patient, asked)) {
        uncorrelated++;
        continue;
      }
      found.set(asked.submittedId, [
        ...(found.get(asked.submittedId) ?? []),
        { outcome: OUTCOME[bucket], patient: bucket === 'match' ? (theirs ?? null) : null, group: idOf(group) },
      ]);
    }
  }
  const owners = new Map<string, Set<string>>();
  for (const [id, answers] of found)
    for (const a of answers)
      if (a.patient !== null)
        owners.set(a.patient, (owners.get(a.patient) ?? new Set()).add(wanted.get(id)?.memberId ?? id));
  const members = submitted.map((s): Correlated => {
    const answers = found.get(s.submittedId) ?? [];
    const first = answers[0];
    if (!first) return { submittedId: s.submittedId, outcome: 'missing', peerPatientId: null };
    const patients = new Set(answers.map((a) => a.patient));
    // in several Groups that say different things: neither answer can be trusted. Of one Group, several Patients are all the person's
    const isTorn =
      new Set(answers.map((a) => a.outcome)).size > 1 ||
      (patients.size > 1 && new Set(answers.map((a) => a.group)).size > 1);
    if (isTorn || (first.outcome === 'matched' && patients.has(null)))
      return { submittedId: s.submittedId, outcome: 'contradictory', peerPatientId: null };
    if (answers.some((a) => a.patient !== null && (owners.get(a.patient)?.size ?? 0) > 1))
      return { submittedId: s.submittedId, outcome: 'conflict', peerPatientId: null };
    const furtherPatients = [...patients].filter((p) => p !== null && p !== first.patient) as string[];
    return {
      submittedId: s.submittedId,
      outcome: first.outcome,
      peerPatientId: first.patient,
      groupId: first.group,
      ...(furtherPatients.length > 0 ? { furtherPatients } : {}),
    };
  });
  return { members, groupId, uncorrelated };
}

function isSamePerson(patient: JsonObject, asked: Submitted): boolean {
  const families = objects(patient['name']).map((n) => fold(text(n['family']) ?? ''));
  return (
    text(patient['birthDate']) === asked.birthDate &&
    (asked.family === undefined || families.includes(fold(asked.family)))
  );
}
