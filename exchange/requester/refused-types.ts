// Types of records that are asked for by name, and which of them a peer does not give: what is left is asked for, and the report tells.
import { isObject, type Json, objects, text } from '../../src/fhir/resource.ts';
import { RECORD_TYPES } from '../records/facts/record-types.ts';
import type { Abilities } from './client/abilities.ts';
import { PeerFault } from './client/peer-fetch.ts';

/** Asked for by name when a peer sends none of them unasked (`lacks` holds `untyped`), with what else it says that it has of Patients. */
export const TYPES: readonly string[] =
  'Patient,Coverage,ExplanationOfBenefit,Encounter,Condition,Observation,Procedure,MedicationRequest,MedicationDispense,Immunization,AllergyIntolerance,DiagnosticReport,DocumentReference,CarePlan,CareTeam,Goal,Device,ServiceRequest,RelatedPerson,Organization,Practitioner,PractitionerRole,Location,Provenance'.split(
    ',',
  );
/** `refused`: it has them, or forbids them, or does not say why it does not give them. `unknown`: it says that it knows no such type. */
export type Refused = 'refused' | 'unknown';
/** Scopes of SMART v2 and v1 that let records be read or searched, with their type. */
const READS = /^(?:system|user|patient)\/([A-Z][A-Za-z]*|\*)\.(?:read|\*|c?ru?d?s?|c?u?d?s)(?:\?.*)?$/;
/** Answers that may be to one of the types: 400, 403, 422. */
const TO_TYPES = /^(forbidden|kick-off-(400|422))$/;

/** Types that answers taught not to ask for, with why. Pure. */
export const refusedTypes = (a: Pick<Abilities, 'lacks'>, why: Refused): string[] =>
  a.lacks.flatMap((l) => (l.startsWith(`${why}:`) ? [l.slice(why.length + 1)] : []));

/**
 * Which of some types a token does not reach; none when it reaches all, or its scopes say nothing of records. Types of
 * entries that others refer to are not looked at: they may be had with what refers to them. Pure.
 */
export function outOfReach(scopes: readonly string[], types: readonly string[]): string[] {
  const reached = scopes.flatMap((scope) => READS.exec(scope)?.[1] ?? []);
  // who names no more than the Group of the members lets the operation say what may be had
  if (reached.every((type) => type === 'Group') || reached.includes('*')) return [];
  return types.filter((type) => RECORD_TYPES[type]?.class === 'member' && !reached.includes(type));
}

/** The types to be named; undefined when none are. Pure. */
export function namedTypes(a: Pick<Abilities, 'lacks' | 'searchTypes'>): string[] | undefined {
  if (!a.lacks.includes('untyped')) return undefined;
  const not = new Set([...refusedTypes(a, 'refused'), ...refusedTypes(a, 'unknown')]);
  return [...new Set([...TYPES, ...a.searchTypes])].filter((type) => !not.has(type));
}

/** Types of a list that an OperationOutcome names as words. Without Patient no record has anyone: it is never left out. Pure. */
export function typesIn(said: string, asked: readonly string[]): string[] {
  let body: Json;
  try {
    body = JSON.parse(said) as Json;
  } catch {
    return [];
  }
  if (!isObject(body) || body['resourceType'] !== 'OperationOutcome') return [];
  const words = new Set(
    objects(body['issue'])
      .flatMap((i) => [text(i['diagnostics']), isObject(i['details']) ? text(i['details']['text']) : undefined])
      .flatMap((t) => t?.match(/[A-Za-z]+/g) ?? []),
  );
  return asked.filter((type) => type !== 'Patient' && words.has(type));
}

/**
 * Asks with types named, again without those that the answer names as the fault. Where that does not help: with those
 * that it named alone, as it may have said what it has, and then with those that its statement says it has of Patients.
 * @param isOfChanges the question is for what changed: what is wrong with it may be the time, and nothing is taken for unknown
 * @returns the answer, and the types of the list that were left out
 * @throws what it said first, when nothing helps; and what is no answer to the types
 */
export async function askWithout<T>(
  types: readonly string[],
  has: readonly string[],
  ask: (types: readonly string[]) => Promise<T>,
  isOfChanges = false,
): Promise<{ answer: T; left: { type: string; why: Refused }[] }> {
  let first: PeerFault | undefined;
  const tried = async (some: readonly string[]): Promise<T | PeerFault> => {
    try {
      return await ask(some);
    } catch (error) {
      if (!(error instanceof PeerFault) || !TO_TYPES.test(error.reason)) throw error;
      first ??= error;
      return error;
    }
  };
  /** `isUnknown`: what speaks for it that the payer has none of a type */
  const done = (answer: T, asked: readonly string[], isUnknown: (type: string) => boolean) => ({
    answer,
    left: types
      .filter((type) => !asked.includes(type))
      .map((type) => ({
        type,
        why:
          first?.reason === 'forbidden' || isOfChanges || has.includes(type) || !isUnknown(type)
            ? ('refused' as const)
            : ('unknown' as const),
      })),
  });
  let asked = types;
  const named = new Set<string>();
  for (;;) {
    const answer = await tried(asked);
    if (!(answer instanceof PeerFault)) return done(answer, asked, (type) => named.has(type));
    const more = typesIn(answer.said, asked);
    const left = asked.filter((type) => !more.includes(type));
    if (more.length === 0 || left.length <= 1) break;
    for (const type of more) named.add(type);
    asked = left;
  }
  // of types that no answer named, the second says nothing
  const others: [string[], (type: string) => boolean][] = [
    [['Patient', ...named], () => true],
    [['Patient', ...has.filter((type) => type !== 'Patient')], (type) => named.has(type)],
  ];
  for (const [some, isUnknown] of others) {
    const fewer = types.filter((type) => some.includes(type));
    if (fewer.length <= 1 || fewer.length === types.length) continue;
    const answer = await tried(fewer);
    if (!(answer instanceof PeerFault)) return done(answer, fewer, isUnknown);
  }
  throw first ?? new PeerFault('forbidden');
}
