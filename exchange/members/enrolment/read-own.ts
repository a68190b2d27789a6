// One imported record of our own, ready for staging: whose it is, its hash, keys and facts.
import { contentHash, contentHashes, MEMBER_CONTENT } from '../../../src/fhir/canonical.ts';
import { referencesIn, stamp } from '../../../src/fhir/json-text.ts';
import { isNpiSystem, isValidNpi } from '../../../src/fhir/npi.ts';
import { exactNumerals, longNumerals } from '../../../src/fhir/numerals.ts';
import { parseReference } from '../../../src/fhir/reference.ts';
import { type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { businessKeys } from '../../reconcile/business-keys.ts';
import { claimFacts } from '../../reconcile/chain/facts.ts';
import { recordKeys } from '../../reconcile/record-keys.ts';
import { factsOf } from '../../records/facts/facts.ts';
import { memberOf } from '../../records/facts/member-of.ts';
import { holdsOthers, isMadeAboutAnother, isOtherOfOurs, peopleWithin } from '../../records/facts/others-within.ts';
import { RECORD_TYPES } from '../../records/facts/record-types.ts';
import { type StagedUnit, TIME_MARK, VERSION_MARK } from '../../records/staging.ts';

/** The first valid NPI among a record's identifiers. */
export function npiOf(resource: JsonObject): string | undefined {
  return objects(resource['identifier'])
    .filter((i) => isNpiSystem(i['system']))
    .map((i) => text(i['value']))
    .find((v) => v !== undefined && isValidNpi(v));
}

/** Keys `Type/id` of the directory-type records that a record refers to. */
export function sharedReferences(json: string): string[] {
  const found = new Set<string>();
  for (const reference of referencesIn(json)) {
    const parsed = parseReference(reference);
    if ((parsed.kind === 'relative' || parsed.kind === 'absolute') && RECORD_TYPES[parsed.type]?.class === 'shared')
      found.add(`${parsed.type}/${parsed.id}`);
  }
  return [...found];
}

/** Types whose label is no other record's: people, their cover, and what Provenance says of others. */
const OF_THEMSELVES = new Set(['Patient', 'Coverage', 'RelatedPerson', 'Provenance']);

/** May a record inherit the label of records of this type that it refers to? Of a claim as it was sent, what became of it does. */
export const passesLabelOn = (type: string): boolean =>
  (RECORD_TYPES[type]?.class === 'member' || RECORD_TYPES[type]?.class === 'financial') && !OF_THEMSELVES.has(type);

/** A reference by the id alone, as in a Bundle: there are sources that write them into files of records. */
export const isByUuid = (reference: string): boolean => /^urn:uuid:/i.test(reference);

/**
 * Keys `Type/id` of the records of a member that a record refers to and would reveal; `urn:uuid:` as it is. Of a
 * Provenance those that it tells where it comes from: what it is about is looked at when it leaves
 * (responder/export/export-rows.ts).
 */
export function labelledReferences(type: string, json: string): string[] {
  const isStatement = type === 'Provenance';
  if (!isStatement && !passesLabelOn(type)) return [];
  const found = new Set<string>();
  for (const reference of referencesIn(isStatement ? withoutTargets(json) : json)) {
    if (isByUuid(reference)) found.add(reference.toLowerCase());
    const parsed = parseReference(reference);
    if ((parsed.kind === 'relative' || parsed.kind === 'absolute') && passesLabelOn(parsed.type))
      found.add(`${parsed.type}/${parsed.id}`);
  }
  return [...found];
}

function withoutTargets(json: string): string {
  const { target: _, ...rest } = JSON.parse(json) as JsonObject;
  return JSON.stringify(rest);
}

export type OwnRecord =
  | { unit: Omit<StagedUnit, 'file' | 'line' | 'entry'> }
  | { refused: 'no-id' | 'not-a-member-record' | 'unsupported-subject' | 'no-member' | 'holds-others' };

/**
 * @param resource parsed and structurally valid
 * @param json its minified text
 */
export function readOwnRecord(resource: Resource, json: string): OwnRecord {
  const id = text(resource['id']);
  if (id === undefined) return { refused: 'no-id' };
  const owner = memberOf(resource);
  if (owner.kind === 'unknown-type') return { refused: 'not-a-member-record' };
  if (owner.kind === 'unsupported-subject') return { refused: 'unsupported-subject' };
  if (owner.kind === 'missing') return { refused: 'no-member' };
  const memberId = owner.kind === 'patient' ? owner.id : owner.kind === 'self' ? id : undefined;
  // whose a statement about records is, is stated by these and by whom it contains, when all are known
  if (owner.kind !== 'targets' && holdsOthers(resource, owner, (p) => p.id === memberId))
    return { refused: 'holds-others' };
  if (isMadeAboutAnother(resource, isOtherOfOurs(memberId))) return { refused: 'holds-others' };
  const facts = factsOf(resource, json);
  const meta = { versionId: VERSION_MARK, lastUpdated: TIME_MARK };
  return {
    unit: {
      type: resource.resourceType,
      sourceId: id,
      memberId,
      isShared: owner.kind === 'shared',
      targets:
        owner.kind === 'targets'
          ? [...new Set([...owner.targets, ...peopleWithin(resource).map((p) => `Patient/${p.id}`)])]
          : undefined,
      hash: contentHash(resource, MEMBER_CONTENT, exactNumerals(longNumerals(json))),
      // of what peers get: that is what may come back
      substance: contentHashes(
        facts.shared === undefined ? resource : (JSON.parse(facts.shared) as Resource),
        MEMBER_CONTENT,
        exactNumerals(longNumerals(facts.shared ?? json)),
      ).substance,
      claim: claimFacts(resource),
      npi: npiOf(resource),
      keys: owner.kind === 'shared' ? businessKeys(resource) : recordKeys(resource),
      serviceEnd: facts.serviceEnd,
      day: facts.day,
      paState: facts.authorization?.state,
      paChanged: facts.authorization?.changed,
      paEnd: facts.authorization?.end,
      label: facts.label,
      withheld: facts.withheld,
      body: stamp(json, meta),
      shared: facts.shared === undefined ? undefined : stamp(facts.shared, meta),
      links: sharedReferences(json),
      refers: labelledReferences(resource.resourceType, json),
    },
  };
}
