// Prior authorizations in ExplanationOfBenefit: what was decided, whether it is for a drug, and the form that may be
// shared. Review action codes: X12 306 in the PDex extension. Denied and drug authorizations do not leave
// (42 CFR 422.121(b)(4)(ii)(A)(2), (b)(1)(iv)).
import { codings, isObject, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { REVIEW_ACTION } from './money.ts';

const REVIEW_ACTION_CODE = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewActionCode';
const WHEN = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-when-adjudicated';
const DRUG_SYSTEMS = new Set(['http://hl7.org/fhir/sid/ndc', 'http://www.nlm.nih.gov/research/umls/rxnorm']);

export type AuthorizationState =
  | 'approved'
  | 'partial'
  | 'modified'
  | 'pended'
  | 'denied'
  | 'cancelled'
  | 'drug'
  | 'unclear';
export type AuthorizationFacts = {
  state: AuthorizationState;
  /** day of the last change of status, YYYY-MM-DD */
  changed: string | undefined;
  /** last day the authorization covers */
  end: string | undefined;
  /** lines that must not leave, by `sequence` */
  removedLines: number[];
};

export function isAuthorization(resource: Resource): boolean {
  return resource.resourceType === 'ExplanationOfBenefit' && resource['use'] === 'preauthorization';
}

type Review = { code: string; when: string };

/** The newest review action among adjudications; entries without a time count as oldest. */
function latestReview(element: JsonObject): Review | undefined {
  let best: Review | undefined;
  for (const adjudication of objects(element['adjudication'])) {
    const parts = objects(adjudication['extension']);
    const when = text(parts.find((e) => e['url'] === WHEN)?.['valueDateTime']) ?? '';
    for (const action of parts.filter((e) => e['url'] === REVIEW_ACTION)) {
      const holder = objects(action['extension']).find((e) => e['url'] === REVIEW_ACTION_CODE);
      const code = codings(holder?.['valueCodeableConcept'])
        .map((c) => text(c['code']))
        .find((c) => c !== undefined);
      if (code !== undefined && (best === undefined || when >= best.when)) best = { code, when };
    }
  }
  return best;
}

const STATES: Record<string, AuthorizationState> = {
  A1: 'approved',
  A2: 'partial',
  A3: 'denied',
  A4: 'pended',
  A6: 'modified',
  C: 'cancelled',
  CT: 'pended',
  NA: 'pended',
};

const isDrugLine = (item: JsonObject): boolean =>
  codings(item['productOrService']).some((c) => {
    const system = text(c['system']) ?? '';
    return DRUG_SYSTEMS.has(system) || (/hcpcs/i.test(system) && /^J\d{4}$/.test(text(c['code']) ?? ''));
  });

function hasDenialSigns(resource: Resource): boolean {
  const all = [resource as JsonObject, ...objects(resource['item'])].flatMap((e) => objects(e['adjudication']));
  const reason = all.some((a) => codings(a['category']).some((c) => c['code'] === 'denialreason'));
  const status = all.some(
    (a) =>
      codings(a['category']).some((c) => c['code'] === 'denied') ||
      codings(a['reason']).some((c) => c['code'] === 'denied'),
  );
  const units = all.some(
    (a) =>
      codings(a['category']).some((c) => c['code'] === 'allowedunits') &&
      typeof a['value'] === 'number' &&
      a['value'] > 0,
  );
  return (reason || status || /\bdenied\b/i.test(text(resource['disposition']) ?? '')) && !units;
}

const day = (value: string | undefined): string | undefined =>
  value !== undefined && value.length >= 10 ? value.slice(0, 10) : undefined;

/** What an authorization says, judged as the exclusion rules ask. */
export function authorizationFacts(resource: Resource): AuthorizationFacts {
  const items = objects(resource['item']);
  const header = latestReview(resource);
  const reviews = items.map(latestReview);
  const newest = [header, ...reviews]
    .filter((r): r is Review => r !== undefined)
    .sort((a, b) => (a.when < b.when ? -1 : 1))
    .at(-1);
  const deniedLines = items.filter(
    (_, i) =>
      reviews[i]?.code === 'A3' &&
      !(header !== undefined && header.code !== 'A3' && header.when > (reviews[i]?.when ?? '')),
  );
  const drugLines = items.filter(isDrugLine);
  const periods = objects(resource['preAuthRefPeriod']);
  const end = periods
    .map((p) => day(text(p['end'])))
    .filter((d): d is string => d !== undefined)
    .sort()
    .at(-1);
  const meta = isObject(resource['meta']) ? text(resource['meta']['lastUpdated']) : undefined;
  const changed = day(newest?.when === '' ? undefined : newest?.when) ?? day(text(resource['created'])) ?? day(meta);
  const isPharmacy = codings(resource['type']).some((c) => c['code'] === 'pharmacy');
  const remaining = items.filter((i) => !deniedLines.includes(i) && !drugLines.includes(i));
  const headerDenied =
    header?.code === 'A3' && !reviews.some((r) => r !== undefined && r.code !== 'A3' && r.when > header.when);
  let state: AuthorizationState;
  if (isPharmacy || (items.length > 0 && drugLines.length === items.length)) state = 'drug';
  else if (headerDenied || (items.length > 0 && deniedLines.length === items.length)) state = 'denied';
  else if (newest === undefined) state = hasDenialSigns(resource) ? 'unclear' : 'pended';
  else if (items.length > 0 && remaining.length === 0) state = 'denied';
  else if (text(resource['status']) === 'cancelled') state = 'cancelled';
  else state = STATES[(header?.code === 'A3' ? newest : (header ?? newest)).code] ?? 'pended';
  const removed = items.filter((i) => deniedLines.includes(i) || drugLines.includes(i)).map((i) => i['sequence']);
  return { state, changed, end, removedLines: removed.filter((s): s is number => typeof s === 'number') };
}

/** The authorization without the lines that must not leave. */
export function withoutLines(resource: Resource, sequences: readonly number[]): Resource {
  if (sequences.length === 0) return resource;
  return { ...resource, item: objects(resource['item']).filter((i) => !sequences.includes(Number(i['sequence']))) };
}
