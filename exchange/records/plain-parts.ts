// Parts of a record in plain words: concepts, quantities, values, answers, narrative. Pure.
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';
import { withoutTags } from '../../src/fhir/tags.ts';

/** A code that says that there is none. */
const isNoCode = (c: JsonObject): boolean => /\/(?:v3-NullFlavor|data-absent-reason)$/.test(text(c['system']) ?? '');

/** A concept as it is called: its text, a display, or its codes. */
export function conceptText(value: Json | undefined): string | undefined {
  const [first] = objects(value);
  if (!first) return undefined;
  const said = text(first['text']);
  if (said !== undefined) return said;
  const list = codings(first);
  return (
    list.map((c) => text(c['display'])).find((d) => d !== undefined) ??
    list.map((c) => text(c['code'])).find((c) => c !== undefined)
  );
}

export function quantityText(value: Json | undefined): string | undefined {
  if (!isObject(value) || (typeof value['value'] !== 'number' && typeof value['value'] !== 'string')) return undefined;
  return `${text(value['comparator']) ?? ''}${String(value['value'])} ${text(value['unit']) ?? text(value['code']) ?? ''}`.trim();
}

const between = (from: string | undefined, to: string | undefined): string | undefined =>
  from === undefined || to === undefined ? (from ?? to) : `${from} to ${to}`;

function rangeText(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  const [low, high] = [quantityText(value['low']), quantityText(value['high'])];
  if (low === undefined && high === undefined) return undefined;
  if (low === undefined || high === undefined) return low === undefined ? `to ${high}` : `from ${low}`;
  return `${low} to ${high}`;
}

function ratioText(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  const [part, whole] = [quantityText(value['numerator']), quantityText(value['denominator'])];
  return part === undefined || whole === undefined ? undefined : `${part} : ${whole}`;
}

export function valueText(r: Json | undefined): string | undefined {
  if (!isObject(r)) return undefined;
  const parts = objects(r['component']).flatMap((c) => {
    const v = valueText(c);
    return v === undefined ? [] : [`${conceptText(c['code']) ?? 'part'} ${v}`];
  });
  const own =
    quantityText(r['valueQuantity']) ??
    conceptText(r['valueCodeableConcept']) ??
    text(r['valueString']) ??
    (r['valueBoolean'] === undefined ? undefined : r['valueBoolean'] === true ? 'yes' : 'no') ??
    (typeof r['valueInteger'] === 'number' ? String(r['valueInteger']) : undefined) ??
    rangeText(r['valueRange']) ??
    ratioText(r['valueRatio']) ??
    text(r['valueDateTime']) ??
    text(r['valueTime']) ??
    (isObject(r['valuePeriod']) ? between(text(r['valuePeriod']['start']), text(r['valuePeriod']['end'])) : undefined);
  return [own, ...parts].filter((p) => p !== undefined).join(', ') || conceptText(r['dataAbsentReason']);
}

/** What services, diagnoses or procedures are called, each once; what is only said not to be there is left out. */
export function namedServices(list: readonly JsonObject[], member: string, most: number): string | undefined {
  const found = new Set<string>();
  for (const one of list) {
    const said = codings(one[member]);
    const name = said.length > 0 && said.every(isNoCode) ? undefined : conceptText(one[member]);
    if (name !== undefined) found.add(name);
  }
  return [...found].slice(0, most).join(', ') || undefined;
}

const MOST_ANSWERS = 12;
/** Deeper no one asks. */
const DEEPEST = 8;

function answerText(a: JsonObject): string | undefined {
  const coding = isObject(a['valueCoding']) ? { valueCodeableConcept: { coding: [a['valueCoding']] } } : {};
  const plain = typeof a['valueDecimal'] === 'number' ? String(a['valueDecimal']) : text(a['valueDate']);
  return plain ?? valueText({ ...a, ...coding });
}

/** Questions and answers of a QuestionnaireResponse, the first ones. */
export function answersText(r: JsonObject): string | undefined {
  const found: string[] = [];
  const walk = (one: JsonObject, depth: number): void => {
    for (const item of objects(one['item'])) {
      if (found.length > MOST_ANSWERS || depth > DEEPEST) return;
      const answers = objects(item['answer']);
      const said = answers.flatMap((a) => answerText(a) ?? []).join(', ');
      if (said !== '') found.push(`${text(item['text']) ?? text(item['linkId']) ?? ''}: ${said}`);
      for (const a of [item, ...answers]) walk(a, depth + 1);
    }
  };
  walk(r, 0);
  return found.slice(0, MOST_ANSWERS).join('; ') + (found.length > MOST_ANSWERS ? '; …' : '') || undefined;
}

const LONGEST_NARRATIVE = 300;
const SIGNS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** The beginning of a narrative, without its form. */
export function narrativeText(r: Resource): string | undefined {
  const div = isObject(r['text']) ? text(r['text']['div']) : undefined;
  if (div === undefined) return undefined;
  const words = withoutTags(div)
    .replaceAll(/&(amp|lt|gt|quot|apos|nbsp|#160);/g, (_, name: string) => SIGNS[name] ?? ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return (words.length > LONGEST_NARRATIVE ? `${words.slice(0, LONGEST_NARRATIVE).trimEnd()} …` : words) || undefined;
}
