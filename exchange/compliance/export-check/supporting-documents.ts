// Which documents support nothing but authorizations and estimates, or lines of them, that must not leave? Stated from
// the records as they came, apart from the statements that decide what leaves, so that a fault there is found. Pure. 42
// CFR 422.121(b)(4)(ii).
import { objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { authorizationFacts, isHidden } from '../../records/facts/prior-authorization.ts';
import { SUPPORTING_TYPES } from '../../records/facts/record-types.ts';
import type { DocumentRow, SupporterRow } from './export-check-rows.ts';

const isDocument = (key: string): boolean => SUPPORTING_TYPES.some((type) => key.startsWith(`${type}/`));

/** Keys of documents that a value names, anywhere. */
const documentsIn = (value: unknown): string[] =>
  [...JSON.stringify(value ?? null).matchAll(/\b([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})/g)].flatMap((m) => {
    const [, key = ''] = m;
    return isDocument(key) ? [key] : [];
  });

/** Documents that lines name which stay, and those that all the rest names. */
function documentsOfLines(resource: Resource): { stay: string[]; leave: string[] } {
  const { removedLines } = authorizationFacts(resource);
  const { supportingInfo, item, ...rest } = resource;
  const isGone = (line: { sequence?: unknown }): boolean => removedLines.includes(Number(line.sequence));
  const lines = objects(item);
  const namedBy = (all: typeof lines) =>
    new Set(
      all.flatMap((line) =>
        (Array.isArray(line['informationSequence']) ? line['informationSequence'] : []).map(Number),
      ),
    );
  const [ofGone, ofOthers] = [namedBy(lines.filter(isGone)), namedBy(lines.filter((line) => !isGone(line)))];
  const info = objects(supportingInfo);
  const stays = (one: (typeof info)[number]): boolean => {
    const sequence = Number(one['sequence']);
    return ofGone.has(sequence) && !ofOthers.has(sequence);
  };
  return {
    stay: documentsIn([info.filter(stays), lines.filter(isGone)]),
    leave: documentsIn([info.filter((one) => !stays(one)), lines.filter((line) => !isGone(line)), rest]),
  };
}

/**
 * Keys of the documents that must not leave, by member: `keptBack` came with what was not taken in. One that something
 * names of which it is not known any more what it said at the time of the export, is given the benefit of the doubt.
 */
export function hiddenDocuments(
  supporters: readonly SupporterRow[],
  documents: readonly DocumentRow[],
  read: (body: string) => Resource | undefined,
  keptBack: readonly { memberId: string; key: string }[] = [],
): Map<string, Set<string>> {
  const staying = new Map<string, Set<string>>();
  const leaving = new Set<string>();
  const stay = (memberId: string, key: string) => {
    const own = staying.get(memberId) ?? new Set();
    staying.set(memberId, own.add(key));
  };
  for (const { memberId, key } of keptBack) stay(memberId, key);
  /** `member id`: does it stay as a whole? */
  const isStaying = new Map<string, boolean>();
  for (const one of supporters) {
    const { memberId, body } = one;
    const resource = body === null ? undefined : read(body);
    const named = one.refers.split(' ').filter(isDocument);
    const stays = resource !== undefined && (one.isHidden || isHidden(authorizationFacts(resource).state));
    isStaying.set(`${memberId} ${one.id}`, stays);
    const split = resource === undefined || stays ? undefined : documentsOfLines(resource);
    for (const key of stays ? named : (split?.stay ?? [])) stay(memberId, key);
    for (const key of stays ? [] : (split?.leave ?? named)) leaving.add(`${memberId} ${key}`);
  }
  for (const { memberId, key, refers } of documents) {
    const own = refers
      .split(' ')
      .filter((r) => r.startsWith('ExplanationOfBenefit/'))
      .flatMap((r) => isStaying.get(`${memberId} ${text(r.split('/')[1]) ?? ''}`) ?? []);
    const isNamed = staying.get(memberId)?.has(key) === true;
    if (own.includes(true)) stay(memberId, key);
    // it names one that leaves, of which no line names it
    if (own.includes(false) && !isNamed) leaving.add(`${memberId} ${key}`);
  }
  for (const [memberId, keys] of staying)
    for (const key of keys) if (leaving.has(`${memberId} ${key}`)) keys.delete(key);
  return staying;
}
