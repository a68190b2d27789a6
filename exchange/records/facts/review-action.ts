// What a payer decided of an authorization: the review action of PDex, and of PAS, from which it comes and which payers send as it is.
// Codes: X12 306. http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction
import { codings, type JsonObject, objects, text } from '../../../src/fhir/resource.ts';

const isNamed = (extension: JsonObject, name: string): boolean => text(extension['url'])?.endsWith(`/${name}`) === true;

export const isReviewAction = (extension: JsonObject): boolean => isNamed(extension, 'extension-reviewAction');

/** Does a payer tell what it decided in an extension of its own (as `PA-DECISION`)? What its codes mean no one else knows. */
export const isOwnDecision = (extension: JsonObject): boolean =>
  !isReviewAction(extension) && /(?:decision|determination)[^/]*$/i.test(text(extension['url']) ?? '');

const REFUSALS = 'denials?|rejections?|disapprovals?|disallowances?|refusals?';
const DENIAL = `(?:den(?:y|ied|ies)|reject(?:ed|s)?|disapproved|disallowed|declin(?:ed|es)|refused|${REFUSALS})`;
const GRANTED = '(?:approved|authori[sz]ed|certified|granted|covered)';
/** Words that speak of a denial, in part or as a whole. */
export const MENTIONS_DENIAL = new RegExp(
  [
    String.raw`\b${DENIAL}\b`,
    String.raw`\b(?:not|un|non-?)\s?(?:approved|authori[sz]ed|certified|certification|covered|granted|medically (?:necessary|appropriate))\b`,
    String.raw`\b(?:not|cannot) (?:be|been) ${GRANTED}\b|\bnot a covered\b`,
    String.raw`\b(?:cannot|can't|could not|unable to|not able to)\s(?:approve|authori[sz]e|certify|grant|cover)\b`,
    String.raw`\b(?:does|do|did) not meet (?:\p{L}+ ){0,3}(?:necessity|criteria|guidelines?|requirements?|policy)\b`,
    String.raw`\b(?:necessity|criteria|guidelines?|requirements?) (?:(?:is|are|was|were|has been|have been) )?not met\b`,
    String.raw`\badverse (?:benefit )?(?:decision|determination)\b`,
    String.raw`\b(?:deneg|rechaz|desaprob)\p{L}+|\bno (?:(?:es|fue|está|ha sido) )?(?:autoriz|aprob|cubiert|certific)\p{L}+`,
  ].join('|'),
  'iu',
);

const SERVICES =
  '(?:services|items|charges|expenses|costs|supplies|procedures|treatments|benefits|claims|amounts|days|visits)';
const NOT_COVERED = String.raw`(?:not |non-?)\s?(?:covered|authori[sz]ed|approved|certified|medically necessary)`;
/** `services that are not covered by your plan` */
const WHAT_IS_NOT = String.raw`(?:${SERVICES}\s(?:(?:that|which)\s(?:are|were)\s)?${NOT_COVERED}(?:\s(?:by|under)\s(?:\p{L}+\s){0,2}\p{L}+)?|(?:non-?|not )covered\s${SERVICES})`;
const OWED = String.raw`(?:\p{L}+['’]?s?\s){0,4}(?:responsibility|liability|responsible|billed|charged)`;
/**
 * What speaks of denials without telling one: that they are possible, what else would be denied, that this is none. All
 * beside it counts as it does alone. Each asks for the very words around a denial that make it none, as what is written
 * otherwise is one.
 */
const TELLS_NONE = new RegExp(
  [
    // whatever a plan does not cover, and who owes it then or what may become of it
    String.raw`\b${WHAT_IS_NOT}\s(?:(?:are|remain|become|will be|may be|shall be)\s${OWED}|(?:may|might|could)\s(?:not\s)?be\s(?:${DENIAL}|paid|reimbursed))\b`,
    String.raw`\b(?:responsible|liable|responsibility|pay|billed|charged)\sfor\s(?:any\s|all\s|the\s)?${WHAT_IS_NOT}\b`,
    // possible, or to come
    String.raw`\b(?:may|might|could)\s(?:(?:also|later|still|otherwise|then)\s)?(?:be\s(?:${DENIAL}|${NOT_COVERED}|subject to ${DENIAL})|not be ${GRANTED}|(?:result in|lead to|cause)\s(?:an?\s|the\s)?(?:(?:claim|payment)\s)?${DENIAL})\b`,
    String.raw`\bto (?:avoid|prevent)\s(?:an?\s|any\s)?(?:(?:claim|payment)\s)?${DENIAL}\b`,
    String.raw`\bpueden? ser (?:deneg|rechaz)\p{L}+`,
    // under a condition, in one clause
    String.raw`\bif\s(?:\p{L}+\s){0,6}(?:is|are|was|were|be)\s(?:${DENIAL}|${NOT_COVERED})\b`,
    String.raw`\bappeal\s(?:of\s)?(?:any|future)\s${DENIAL}\b`,
    // that this is none; a form that is filled in (`Approved: no Denied: yes`) says the contrary
    String.raw`\b(?:is|was|were|are|been)\s(?:not|never)\s(?:an?\s|been\s|yet\s)?${DENIAL}\b`,
    String.raw`(?<![:=|-]\s?)\b(?:no|without(?: an?| any)?)\s(?:${REFUSALS})\b(?!\s?[:=])`,
    String.raw`\bnothing (?:is|was|has been)\s${DENIAL}\b`,
  ].join('|'),
  'giu',
);

/** Do words tell a denial, in part or as a whole? What only says that there could be one tells none. */
export const tellsDenial = (words: string): boolean =>
  MENTIONS_DENIAL.test(words) && MENTIONS_DENIAL.test(words.replace(TELLS_NONE, ' ; '));

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
  return words.some((w) => tellsDenial(w ?? '')) ? 'A3' : codes[0];
}
