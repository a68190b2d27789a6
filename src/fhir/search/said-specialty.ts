// Specialties that a record tells in words: who writes `Cardiology` and no code of the taxonomy is found by plain words like who has the
// code. A search by `specialty` itself stays what FHIR has it.
import { meantBy } from '../../names/plain-specialty.ts';
import { PLAIN_SPECIALTIES } from '../../names/tables/specialty-words.ts';
import { codings, type JsonObject, objects, type Resource, text } from '../resource.ts';
import { canonicalSystem } from './token.ts';

const NUCC = 'http://nucc.org/provider-taxonomy';
/** A code of the taxonomy, whatever system it stands under. */
const CODE = /^\d{3}[0-9A-Z]{6}X$/i;

/** What a service that names no specialty does, by its category in Plan-Net, as the id of an entry of plain words. */
const OF_CATEGORY: Readonly<Record<string, string>> = {
  behav: 'mental-health',
  dent: 'dentist',
  dme: 'equipment',
  emerg: 'emergency',
  home: 'home-health',
  hosp: 'hospital',
  lab: 'lab',
  pharm: 'pharmacy',
  trans: 'ambulance',
  urg: 'urgent-care',
  vis: 'optometry',
};

const MOST_KNOWN = 5000;
const known = new Map<string, readonly string[]>();

/** Codes that a text means, when it says nothing else. The same few texts stand in very many records. */
function codesOf(said: string): readonly string[] {
  const before = known.get(said);
  if (before !== undefined) return before;
  const { entries, whole } = meantBy(said);
  const codes = whole ? entries.flatMap((entry) => entry.codes) : [];
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(said, codes);
  return codes;
}

function codesIn(concept: JsonObject): readonly string[] {
  const held = codings(concept);
  const coded = held.filter((c) => CODE.test(text(c['code']) ?? ''));
  if (coded.some((c) => canonicalSystem(text(c['system']) ?? '') === NUCC)) return [];
  if (coded.length > 0) return coded.map((c) => text(c['code']) ?? '');
  return [text(concept['text']), ...held.map((c) => text(c['display']))].flatMap((said) =>
    said === undefined ? [] : codesOf(said),
  );
}

/**
 * Codes of the taxonomy, in small letters, that a role, affiliation or service means without having them. Of a service without a
 * specialty its type and category tell.
 */
export function saidSpecialties(resource: Resource): string[] {
  const specialties = objects(resource['specialty']);
  const found = new Set(specialties.flatMap(codesIn));
  if (resource.resourceType === 'HealthcareService' && specialties.length === 0) {
    for (const code of objects(resource['type']).flatMap(codesIn)) found.add(code);
    for (const category of objects(resource['category']).flatMap(codings)) {
      const id = OF_CATEGORY[text(category['code'])?.toLowerCase() ?? ''];
      for (const code of PLAIN_SPECIALTIES.find((entry) => entry.id === id)?.codes ?? []) found.add(code);
    }
  }
  return [...found].map((code) => code.toLowerCase());
}
