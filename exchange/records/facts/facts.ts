// Everything about a member's record that is decided once, when it is written: the columns that the export conditions
// use and the form that may be shared.
import { codings, isObject, type Resource, text } from '../../../src/fhir/resource.ts';
import { mayBeSpelled, parseSpelled, stringifySpelled } from '../../../src/fhir/spelled-numbers.ts';
import { VALUE_SETS, type ValueSets } from '../../../src/sensitive-value-sets.ts';
import { withLinkedDocuments } from './attachment.ts';
import { withoutStaying } from './contained.ts';
import { type Label, labelOf } from './label.ts';
import { memberOf } from './member-of.ts';
import { mayHoldMoney, moneyIn, withBasisProfiles, withoutBenefitNarrative, withoutMoney } from './money.ts';
import { holdsOthers, isMadeAboutAnother, isOtherOfOurs } from './others-within.ts';
import { type AuthorizationFacts, decidedAhead, isAuthorization, isHidden } from './prior-authorization.ts';
import { RECORD_TYPES } from './record-types.ts';
import { serviceEnd } from './service-date.ts';
import { shownDay } from './shown-day.ts';
import { watchedIn } from './watched-names.ts';
import { withoutLines } from './without-lines.ts';

export type Facts = {
  /** last day of service, YYYY-MM-DD; absent: never filtered by the window */
  serviceEnd: string | undefined;
  /** the day that it is about, for people; see {@link shownDay} */
  day: string;
  authorization: AuthorizationFacts | undefined;
  label: Label;
  /** why the record as a whole never leaves */
  withheld: string | undefined;
  /** JSON text of the form without money, lines that must not leave and large documents; absent when it equals the record */
  shared: string | undefined;
};

/** Explanation of benefits, given ahead. */
const STATEMENTS: ReadonlySet<string> = new Set(['http://loinc.org|111479-2']);
const REMITTANCE = 'http://hl7.org/fhir/us/davinci-pr/CodeSystem/RemittanceAdviceType';

/**
 * The same by name, of documents whose kind has no code or a local one. The whole name: an invoice for a wheelchair may
 * support a request.
 */
const STATEMENT_NAME =
  /^(?:(?:electronic )?remittance advices?|(?:eobs?|explanations? of benefits?)(?: statements?)?|(?:(?:patient|medical|hospital|provider|itemi[sz]ed) )?(?:bills?|invoices?|billing statements?)|statements? of account|account statements?|explicaci[oó]n(?:es)? de beneficios)$/u;

const isStatementName = (name: unknown): boolean =>
  typeof name === 'string' &&
  STATEMENT_NAME.test(
    name
      .normalize('NFC')
      .toLowerCase()
      .replace(/[^\p{L}]+/gu, ' ')
      .trim(),
  );

/** A statement of benefits, a remittance advice or a bill, by its type or category; a plan names its own (EXCLUDED_CODES). */
export function isStatement(resource: Resource, sets: ValueSets = VALUE_SETS): boolean {
  if (resource.resourceType !== 'DocumentReference') return false;
  const kinds = [resource['type'], resource['category']].flat().filter(isObject);
  if (kinds.some((kind) => isStatementName(kind['text']))) return true;
  return kinds
    .flatMap((kind) => codings(kind))
    .some((c) => {
      if (isStatementName(c['display'])) return true;
      const [system, code] = [text(c['system']) ?? '', text(c['code']) ?? ''];
      return (
        system === REMITTANCE || STATEMENTS.has(`${system}|${code}`) || sets.documents?.holds(system, code) === true
      );
    });
}

type Removed = Pick<AuthorizationFacts, 'removedLines' | 'removesParts'> & { isStripped: boolean };

/** The form for peers; the same object when it is the record as it stands. */
function formOf(
  resource: Resource,
  json: string,
  names: number,
  links: boolean,
  removed: Removed | undefined,
): Resource {
  let form = links ? withLinkedDocuments(resource, json) : resource;
  if (RECORD_TYPES[resource.resourceType]?.class === 'financial' || !mayHoldMoney(resource.resourceType, json, names))
    return form;
  if (removed !== undefined) form = withoutLines(form, removed.removedLines, removed.removesParts, removed.isStripped);
  form = withoutStaying(form);
  // most claims that come from a peer hold no money: looking is cheaper than rebuilding
  if (moneyIn(form).length > 0) form = withoutMoney(form);
  return withBasisProfiles(withoutBenefitNarrative(form));
}

/** Its text, with numbers as the record writes them. */
function formText(
  resource: Resource,
  json: string,
  names: number,
  links: boolean,
  removed: Removed | undefined,
): string | undefined {
  const form = formOf(resource, json, names, links, removed);
  if (form === resource) return undefined;
  if (!mayBeSpelled(json)) return JSON.stringify(form);
  return stringifySpelled(formOf(parseSpelled(json) as Resource, json, names, links, removed));
}

/**
 * A received authorization that people took in although a check held it, as it is kept: without money, with all of its
 * lines. It leaves to no one. The same text when it is that as it came.
 */
export function wholeAuthorization(resource: Resource, json: string, { names } = watchedIn(resource)): string {
  return formText(resource, json, names, false, undefined) ?? json;
}

/**
 * Does one of our own records contain something of another person, or say that it was made about another person? An
 * import refuses it today (members/enrolment/read-own.ts); what an older one took stays here.
 */
function isOfOthersToo(resource: Resource): boolean {
  if (resource['contained'] === undefined && resource['context'] === undefined) return false;
  const owner = memberOf(resource);
  const memberId = owner.kind === 'patient' ? owner.id : owner.kind === 'self' ? text(resource['id']) : undefined;
  if (isMadeAboutAnother(resource, isOtherOfOurs(memberId))) return true;
  return owner.kind !== 'targets' && holdsOthers(resource, owner, (p) => p.id === memberId);
}

/**
 * @param resource parsed record
 * @param json its minified text
 * @param links large documents become links to what is kept of the record: of our own records alone
 * @param names which of the watched names it has
 * @param isStripped lines of it that must not leave were not kept when it came
 */
export function factsOf(
  resource: Resource,
  json: string,
  links = true,
  isStripped = false,
  { names } = watchedIn(resource),
): Facts {
  const financial = RECORD_TYPES[resource.resourceType]?.class === 'financial';
  const decided = decidedAhead(resource);
  // an estimate that may be disclosed leaves when a claim would: its state says that documents may support lines of it which stay
  const isTold = decided !== undefined && !isAuthorization(resource) && !isHidden(decided.state);
  const authorization = isTold ? { ...decided, state: 'estimate' as const } : decided;
  return {
    serviceEnd: authorization === undefined || isTold ? serviceEnd(resource) : undefined,
    day: shownDay(resource),
    authorization,
    label: labelOf(resource),
    withheld:
      financial || isStatement(resource) ? 'financial' : links && isOfOthersToo(resource) ? 'holds-others' : undefined,
    shared: formText(resource, json, names, links, decided && { ...decided, isStripped }),
  };
}
