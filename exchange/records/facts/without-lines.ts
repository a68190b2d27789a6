// The form of an authorization of which lines must not leave, because they were denied or are for a drug: nothing of it speaks of them.
import { isObject, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { judged, latestReview, partsOf, withoutDenials } from './prior-authorization.ts';
import { MENTIONS_DENIAL } from './review-action.ts';

/** What stands at the head of an authorization, and by which member a line refers to it. */
const NAMED_BY_LINES = {
  careTeam: 'careTeamSequence',
  diagnosis: 'diagnosisSequence',
  procedure: 'procedureSequence',
  supportingInfo: 'informationSequence',
};

/** Numbers of the notes that an element refers to, with its details. */
const notesOf = (element: JsonObject): number[] => [
  ...(Array.isArray(element['noteNumber']) ? element['noteNumber'] : []).map(Number),
  ...partsOf(element).flatMap(notesOf),
];

/** Places of lines, their details and theirs: `1`, `1/2`, `1/2/3`, by the sequences. */
const placesOf = (lines: readonly JsonObject[], within: readonly number[] = []): number[][] =>
  lines.flatMap((line) => {
    const place = [...within, Number(line['sequence'])];
    return [place, ...placesOf(partsOf(line), place)];
  });

const numbers = (value: unknown): number[] => (Array.isArray(value) ? value.map(Number) : []);

/**
 * Is what the payer added about nothing that leaves? It names lines, details of these, or details of details: the
 * deepest that it names counts.
 * @param all places of what there was, and `left` of what leaves
 * @param stripped what is named and not there was taken out before
 */
function isAboutGone(added: JsonObject, all: readonly number[][], left: ReadonlySet<string>, stripped: boolean) {
  // R4 spells it one way here, and another in ClaimResponse
  const parts = [
    numbers(added['itemSequence']),
    numbers(added['detailSequence']),
    numbers(added['subDetailSequence'] ?? added['subdetailSequence']),
  ];
  for (let depth = parts.length; depth > 0; depth--) {
    if (parts[depth - 1]?.length === 0) continue;
    const isNamed = (at: number, n: number) => parts[n]?.length === 0 || parts[n]?.includes(at);
    const named = all.filter((place) => place.length === depth && place.every(isNamed));
    if (named.length > 0) return named.every((place) => !left.has(place.join('/')));
    if (stripped) return true;
  }
  return false;
}

/** Local references, `#id`, anywhere within. */
function localsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('#') ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(localsIn);
  return isObject(value) ? Object.values(value).flatMap(localsIn) : [];
}

/** What it contains that is referred to, `#id`, by what is referred to itself, too. */
function referredTo({ contained, ...rest }: Resource): ReadonlySet<string> {
  const within = new Map(objects(contained).map((one) => [`#${text(one['id']) ?? ''}`, one]));
  const found = new Set<string>();
  for (let next = localsIn(rest); next.length > 0; ) {
    const added = [...new Set(next)].filter((id) => !found.has(id));
    for (const id of added) found.add(id);
    next = added.flatMap((id) => localsIn(within.get(id)));
  }
  return found;
}

/**
 * The authorization without the lines and the details that must not leave, without what the payer added to only those, and without what it
 * says of them elsewhere: why it denied, at its head, notes that no line refers to which leaves, and who, why and by
 * which documents only they were asked for, contained in it or not. What no line refers to is about the whole, and
 * leaves.
 * @param parts details or added lines must not leave
 * @param stripped others were taken out before
 */
export function withoutLines(resource: Resource, lines: readonly number[], parts = false, stripped = false): Resource {
  if (lines.length === 0 && !parts && !stripped) return resource;
  const header = latestReview(resource);
  const leaving = (all: readonly JsonObject[]) =>
    parts ? judged(all, header).flatMap(({ left }) => (left === undefined ? [] : [left])) : [...all];
  const gone = (sequence: unknown) => lines.includes(Number(sequence));
  const next = withoutDenials(resource);
  const keep = (name: string, kept: readonly JsonObject[]): void => {
    if (kept.length > 0) next[name] = [...kept];
    else delete next[name];
  };
  const items = leaving(objects(resource['item']).filter((i) => !gone(i['sequence'])));
  keep('item', items);
  const all = placesOf(objects(resource['item']));
  const left = new Set(placesOf(items).map((place) => place.join('/')));
  const added = leaving(objects(resource['addItem'])).filter((a) => !isAboutGone(a, all, left, stripped));
  keep('addItem', added);
  for (const [name, by] of Object.entries(NAMED_BY_LINES)) {
    const named = (lines: readonly JsonObject[]) => new Set(lines.flatMap((line) => numbers(line[by])));
    const [before, after] = [named(objects(resource['item'])), named(items)];
    const isOfGone = (sequence: number) => before.has(sequence) && !after.has(sequence);
    keep(
      name,
      objects(resource[name]).filter((one) => !isOfGone(Number(one['sequence']))),
    );
  }
  const noted = new Set([...items, ...added].flatMap(notesOf));
  keep(
    'processNote',
    objects(resource['processNote']).filter((n) => noted.has(Number(n['number']))),
  );
  if (MENTIONS_DENIAL.test(text(resource['disposition']) ?? '')) delete next['disposition'];
  if (next['contained'] === undefined) return next;
  const [before, after] = [referredTo(resource), referredTo(next)];
  const isOrphan = (id: string) => before.has(id) && !after.has(id);
  keep(
    'contained',
    objects(next['contained']).filter((one) => !isOrphan(`#${text(one['id']) ?? ''}`)),
  );
  return next;
}
