// _typeFilter: search queries on one type, judged on each record as it leaves. A filter narrows its own type only; several
// of one type widen each other. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#_typefilter-query-parameter
import { timeRange } from '../../../src/fhir/instant.ts';
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';
import { readToken, split, unescaped } from '../../../src/fhir/search/values.ts';
import { EXPORT_ORDER } from '../../records/facts/record-types.ts';

type Kind = 'date' | 'token' | 'id';
type Place = { kind: Kind; paths: readonly string[] };

const date = (...paths: string[]): Place => ({ kind: 'date', paths });
const token = (...paths: string[]): Place => ({ kind: 'token', paths });
const order = { status: token('status'), authoredon: date('authoredOn') };
const clinical = { status: token('status'), category: token('category'), code: token('code') };

/** What `_typeFilter` may ask, by type; beside them `_id` and `_lastUpdated` of every type. */
const TYPE_FILTERS: Readonly<Record<string, Readonly<Record<string, Place>>>> = {
  ExplanationOfBenefit: {
    'service-date': date('billablePeriod', 'item.servicedDate', 'item.servicedPeriod'),
    created: date('created'),
    status: token('status'),
    type: token('type'),
    use: token('use'),
  },
  Encounter: { date: date('period'), status: token('status'), class: token('class'), type: token('type') },
  Procedure: { date: date('performedDateTime', 'performedPeriod'), status: token('status'), code: token('code') },
  Observation: { date: date('effectiveDateTime', 'effectivePeriod', 'effectiveInstant'), ...clinical },
  DiagnosticReport: { date: date('effectiveDateTime', 'effectivePeriod'), ...clinical },
  Immunization: { date: date('occurrenceDateTime'), status: token('status'), 'vaccine-code': token('vaccineCode') },
  Condition: {
    'onset-date': date('onsetDateTime', 'onsetPeriod'),
    'recorded-date': date('recordedDate'),
    'clinical-status': token('clinicalStatus'),
    category: token('category'),
    code: token('code'),
  },
  AllergyIntolerance: { 'clinical-status': token('clinicalStatus'), code: token('code') },
  MedicationRequest: { ...order, intent: token('intent'), code: token('medicationCodeableConcept') },
  MedicationDispense: { whenhandedover: date('whenHandedOver'), status: token('status') },
  DocumentReference: {
    date: date('date'),
    period: date('context.period'),
    status: token('status'),
    type: token('type'),
    category: token('category'),
  },
  CarePlan: { date: date('period'), status: token('status'), category: token('category') },
  CareTeam: { status: token('status') },
  Goal: { 'lifecycle-status': token('lifecycleStatus') },
  ServiceRequest: { authored: date('authoredOn'), ...clinical },
  QuestionnaireResponse: { authored: date('authored'), status: token('status') },
};
const EVERY: Readonly<Record<string, Place>> = {
  _id: { kind: 'id', paths: ['id'] },
  _lastUpdated: date('meta.lastUpdated'),
};

/** Parameters that a filter of a type takes. */
export const filterNames = (type: string): ReadonlySet<string> =>
  new Set([...Object.keys(EVERY), ...Object.keys(TYPE_FILTERS[type] ?? {})]);

const MAX_FILTERS = 20;
/** Of one parameter, and of all queries together: every record of their type is compared with each. */
const MAX_VALUES = 100;
const MOST_VALUES = 500;
const MOST_PARAMETERS = 50;
const PREFIX = /^(eq|ne|gt|lt|ge|le|sa|eb)?(\d.*)$/;

type Test = (resource: Resource) => boolean;
export type TypeFilter = { type: string; test: Test };

/** Why a filter cannot be honoured. Never holds what was sent. */
export class FilterFault extends Error {}

/**
 * @param values queries, `Type?parameter=value&…`
 * @throws FilterFault for anything that is not supported: a filter is never ignored in part
 */
export function readTypeFilters(values: readonly string[]): TypeFilter[] {
  if (values.length > MAX_FILTERS) throw new FilterFault(`At most ${MAX_FILTERS} queries in _typeFilter are possible.`);
  let parameters = 0;
  let compared = 0;
  return values.map((value) => {
    const mark = value.indexOf('?');
    const type = value.slice(0, mark);
    const places = Object.hasOwn(TYPE_FILTERS, type)
      ? TYPE_FILTERS[type]
      : EXPORT_ORDER.includes(type)
        ? {}
        : undefined;
    if (!places) throw new FilterFault('_typeFilter must be Type?parameter=value of a type that can be filtered.');
    const criteria = value
      .slice(mark + 1)
      .split('&')
      .map((part) => {
        const read = criterion(part, places);
        compared += read.values;
        if (++parameters > MOST_PARAMETERS || compared > MOST_VALUES)
          throw new FilterFault(
            `_typeFilter holds too much: at most ${MOST_PARAMETERS} parameters with ${MOST_VALUES} values are possible in all.`,
          );
        return read.test;
      });
    return { type, test: (resource) => criteria.every((test) => test(resource)) };
  });
}

/** Does a record pass? Those of types without a filter do. */
export function passes(filters: readonly TypeFilter[], resource: Resource): boolean {
  const own = filters.filter((f) => f.type === resource.resourceType);
  return own.length === 0 || own.some((f) => f.test(resource));
}

function criterion(part: string, places: Readonly<Record<string, Place>>): { test: Test; values: number } {
  const equals = part.indexOf('=');
  const name = part.slice(0, equals);
  const own = Object.hasOwn(places, name) ? places[name] : Object.hasOwn(EVERY, name) ? EVERY[name] : undefined;
  if (equals < 1 || !own)
    throw new FilterFault('_typeFilter names a search parameter that is not supported for its type.');
  const values = split(decoded(part.slice(equals + 1)), ',');
  if (values.length > MAX_VALUES || values.some((v) => v === ''))
    throw new FilterFault('_typeFilter holds an empty value or too many.');
  const tests = values.map((v) =>
    own.kind === 'date' ? dateTest(v) : own.kind === 'token' ? tokenTest(v) : (found: Json) => found === unescaped(v),
  );
  const test: Test = (resource) => {
    const found = own.paths.flatMap((path) => at(resource, path.split('.')));
    return found.some((value) => tests.some((fits) => fits(value)));
  };
  return { test, values: values.length };
}

/** A query may be written as it stands in a URL, encoded once more than the parameter that holds it. */
function decoded(value: string): string {
  if (!/%[0-9a-f]{2}/i.test(value)) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    throw new FilterFault('_typeFilter holds a value that cannot be decoded.');
  }
}

function at(value: Json | undefined, path: readonly string[]): Json[] {
  const [first, ...rest] = path;
  if (Array.isArray(value)) return value.flatMap((v) => at(v, path));
  if (first === undefined) return value === undefined || value === null ? [] : [value];
  return isObject(value) ? at(value[first], rest) : [];
}

/** Start and end (exclusive) of a date or a Period in milliseconds; an open end is without bound. */
function span(value: Json): [number, number] | undefined {
  if (typeof value === 'string') {
    const range = timeRange(value);
    return range && [range.from.getTime(), range.to.getTime()];
  }
  if (!isObject(value)) return undefined;
  const start = text(value['start']);
  const end = text(value['end']);
  const from = start === undefined ? undefined : timeRange(start);
  const to = end === undefined ? undefined : timeRange(end);
  if (!from && !to) return undefined;
  return [from?.from.getTime() ?? Number.NEGATIVE_INFINITY, to?.to.getTime() ?? Number.POSITIVE_INFINITY];
}

/** https://hl7.org/fhir/R4/search.html#prefix, on ranges. */
function dateTest(written: string): (found: Json) => boolean {
  const m = PREFIX.exec(written);
  const range = m?.[2] === undefined ? undefined : timeRange(m[2].replace(' ', '+'));
  if (!range) throw new FilterFault('_typeFilter holds a date that cannot be read.');
  const [low, high] = [range.from.getTime(), range.to.getTime()];
  const compare: Record<string, (s: number, e: number) => boolean> = {
    eq: (s, e) => s >= low && e <= high,
    ne: (s, e) => !(s >= low && e <= high),
    gt: (_, e) => e > high,
    ge: (_, e) => e > low,
    lt: (s) => s < low,
    le: (s) => s < high,
    sa: (s) => s >= high,
    eb: (_, e) => e <= low,
  };
  const test = compare[m?.[1] ?? 'eq'];
  return (found) => {
    const its = span(found);
    return its !== undefined && test?.(...its) === true;
  };
}

const matches = (coding: JsonObject, system: string | undefined, code: string | undefined): boolean =>
  (system === undefined || (text(coding['system']) ?? '') === system) &&
  (code === undefined || coding['code'] === code);

function tokenTest(written: string): (found: Json) => boolean {
  const { system, code: asked } = readToken(written);
  const code = asked === '' ? undefined : asked;
  return (found) =>
    typeof found === 'string'
      ? (system === undefined || system === '') && found === code
      : objects(found).some((o) => codings(o).some((c) => matches(c, system, code)));
}
