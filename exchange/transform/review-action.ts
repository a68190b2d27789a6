// What a payer decided of an authorization: the review action of PDex, and of PAS, from which it comes and which payers send as it is.
// Codes: X12 306. http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction
import { codings, type JsonObject, objects, text } from '../../src/fhir/resource.ts';

const isNamed = (extension: JsonObject, name: string): boolean => text(extension['url'])?.endsWith(`/${name}`) === true;

export const isReviewAction = (extension: JsonObject): boolean => isNamed(extension, 'extension-reviewAction');

/** Words that speak of a denial, in part or as a whole. */
export const TELLS_DENIAL =
  /\b(?:den(?:y|ied|ies|ials?)|(?:not|un|non-?)\s?(?:approved|authorized|certified|certification|covered|medically necessary)|reject(?:ed|ions?|s)?|disapprov(?:ed|al)|disallowed|declined|refus(?:ed|al)|adverse (?:benefit )?(?:decision|determination))\b/i;

const KNOWN = new Set(['A1', 'A2', 'A3', 'A4', 'A6', 'C', 'CT', 'NA']);

/** The code of what was decided; where there is none that is known, words may tell a denial. */
export function actionCode(action: JsonObject): string | undefined {
  const holder = objects(action['extension']).find((e) => isNamed(e, 'extension-reviewActionCode'));
  const concepts = [...objects(holder?.['valueCodeableConcept']), ...objects(holder?.['valueCoding'])];
  const given = concepts.flatMap((concept) => codings(concept));
  const codes = given.flatMap((c) => text(c['code']) ?? []);
  const known = codes.map((c) => c.trim().toUpperCase()).find((c) => KNOWN.has(c));
  if (known !== undefined) return known;
  const words = [...codes, ...given.map((c) => text(c['display'])), ...concepts.map((c) => text(c['text']))];
  return words.some((w) => TELLS_DENIAL.test(w ?? '')) ? 'A3' : codes[0];
}
