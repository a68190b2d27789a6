// A peer's Patient beside our member, and related persons.
import { objects, type Resource, strings, text } from '../../../src/fhir/resource.ts';
import { allGiven, birthDate, familyName } from '../../responder/match/normalize.ts';
import { bare, overlap, words } from '../codes.ts';
import { sharesIdentifier } from './numbers.ts';
import { conflict, type Judge, sameEvent, sameRecord, type Verdict } from './verdict.ts';

const names = (r: Resource): string[] =>
  objects(r['name']).map((n) =>
    words(`${strings(n['given']).join(' ')} ${text(n['family']) ?? ''}`.trim() || n['text']),
  );
const addresses = (r: Resource): string[] =>
  objects(r['address']).map((a) =>
    words(`${strings(a['line']).join(' ')} ${text(a['city']) ?? ''} ${text(a['postalCode'])?.slice(0, 5) ?? ''}`),
  );
const phones = (r: Resource): string[] =>
  objects(r['telecom'])
    .filter((t) => t['system'] === 'phone')
    .flatMap((t) => text(t['value'])?.replace(/\D/g, '').slice(-10) ?? []);
const isDead = (r: Resource): boolean => r['deceasedBoolean'] === true || r['deceasedDateTime'] !== undefined;

/** Is one date the other, maybe less exactly told? */
const isWithin = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

/** What a Patient says by which a person is told from others, as matching compares it. */
export type NamedPerson = { given: string[]; family: string[]; births: string[] };

/**
 * Whom a peer's Patient names, where by first name that is not the member: one of twins, it may be, or anybody else of ours. undefined: it may be the member,
 * or does not say enough to look for another one.
 */
export function namesSomebodyElse(theirs: Resource, ours: Resource, now: Date): NamedPerson | undefined {
  const [given, own] = [allGiven(theirs['name']), allGiven(ours['name'])];
  if (given.length === 0 || own.length === 0 || overlap(given, own)) return undefined;
  const family = objects(theirs['name']).flatMap((n) => familyName(text(n['family'])).names);
  const births = birthDate(text(theirs['birthDate']), now);
  return family.length === 0 || births.length === 0 ? undefined : { given, family, births };
}

/**
 * Every way in which a peer's Patient differs from ours. Ours is never changed.
 * @param theirs the peer's Patient
 * @param isAnother is it another member by first name, family name and birth date?
 * @param isKnownDead has the member died by what is known here beside our Patient, as an enrolment file said?
 */
export function demographics(theirs: Resource, ours: Resource, isAnother = false, isKnownDead = false): Verdict[] {
  const found: Verdict[] = [];
  const birth = [text(theirs['birthDate']), text(ours['birthDate'])];
  const sex = [text(theirs['gender']), text(ours['gender'])].map((g) =>
    g === 'unknown' || g === 'other' ? undefined : g,
  );
  const doubts = [
    ...(birth[0] !== undefined && birth[1] !== undefined && !isWithin(birth[0], birth[1]) ? ['birthDate'] : []),
    ...(sex[0] !== undefined && sex[1] !== undefined && sex[0] !== sex[1] ? ['gender'] : []),
  ];
  if (doubts.length > 0) found.push(conflict('identity-doubt', 'patient', doubts.join(', ')));
  else if (isAnother) found.push(conflict('identity-doubt', 'another-member', 'name'));
  if (isDead(theirs) !== (isKnownDead || isDead(ours))) found.push(conflict('deceased-mismatch', 'patient'));
  const differs = (a: string[], b: string[]) => a.length > 0 && b.length > 0 && !overlap(a, b);
  const parts = [
    ...(differs(names(theirs), names(ours)) ? ['name'] : []),
    ...(differs(addresses(theirs), addresses(ours)) ? ['address'] : []),
    ...(differs(phones(theirs), phones(ours)) ? ['phone'] : []),
  ];
  if (parts.length > 0) found.push(conflict('demographic-mismatch', 'patient', parts.join(', ')));
  return found;
}

export const relatedPerson: Judge = (a, b) => {
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  if (!overlap(names(a), names(b)) || !overlap(bare(a['relationship']), bare(b['relationship']))) return undefined;
  const [x, y] = [text(a['birthDate']), text(b['birthDate'])];
  if (x !== undefined && y !== undefined) return x === y ? sameEvent('related-person') : undefined;
  return sameEvent('related-person', x === y ? 0 : 1);
};
