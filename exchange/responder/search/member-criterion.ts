// Does a record fit a search criterion? Pure; the record is parsed JSON. https://hl7.org/fhir/R4/search.html
import { timeRange } from '../../../src/fhir/instant.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { referenceKey } from '../../../src/fhir/reference.ts';
import { isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { readToken, split, unescaped } from '../../../src/fhir/search/values.ts';
import type { MemberParameter } from './member-parameters.ts';

/** One parameter of a query: any of its values must fit. */
export type MemberCriterion = {
  parameter: MemberParameter;
  test: (value: Json) => boolean;
  /** how many values were given */
  values: number;
  /** of tokens the codes of which one must stand there; absent where any would do */
  codes?: readonly string[];
  /** of dates the days, YYYY-MM-DD, one of which must stand there; absent where another would do */
  days?: readonly string[];
};
/** Half-open, in milliseconds. */
type Span = { from: number; to: number };

/** Values at a path, through arrays; `[x]` at the end takes every type of a choice. */
export function valuesAt(node: Json | undefined, path: string): Json[] {
  let here: Json[] = node === undefined ? [] : [node];
  for (const part of path.split('.')) {
    const choice = part.endsWith('[x]') ? part.slice(0, -3) : undefined;
    const isNamed = (name: string) =>
      name === part || (choice !== undefined && name.startsWith(choice) && name !== choice);
    here = here.flatMap((value) =>
      objects(value).flatMap((o) =>
        Object.entries(o).flatMap(([name, v]): Json[] =>
          v === undefined || !isNamed(name) ? [] : Array.isArray(v) ? v : [v],
        ),
      ),
    );
  }
  return here;
}

export function fits(resource: Resource, criteria: readonly MemberCriterion[]): boolean {
  return criteria.every(({ parameter, test }) =>
    parameter.paths.some((path) => valuesAt(resource, path).some((v) => test(v))),
  );
}

/**
 * A criterion of a query value with its alternatives.
 * @throws Outcome invalid-parameter; the message names the parameter, never its value
 */
export function readCriterion(name: string, parameter: MemberParameter, value: string): MemberCriterion {
  const values = split(value, ',');
  const invalid = () => new Outcome('invalid-parameter', `${name} has a value that is no ${parameter.kind}.`);
  if (values.includes('')) throw invalid();
  if (parameter.kind === 'string') return { parameter, values: values.length, test: stringTest(values) };
  const read = TESTS[parameter.kind];
  const tests = values.map((one) => {
    const test = read(one);
    if (!test) throw invalid();
    return test;
  });
  const codes = parameter.kind === 'token' ? values.map((one) => readToken(one).code) : [''];
  const days = parameter.kind === 'date' ? values.map((one) => DAY.exec(one)?.[1] ?? '') : [''];
  return {
    parameter,
    values: values.length,
    test: (v) => tests.some((t) => t(v)),
    ...(codes.includes('') ? {} : { codes }),
    ...(days.includes('') ? {} : { days }),
  };
}

/** A whole day, meant as such. */
const DAY = /^(?:eq)?(\d{4}-\d\d-\d\d)$/;

/** Does a text begin with one of the values? Each text is folded once, however many they are. */
function stringTest(values: readonly string[]): (value: Json) => boolean {
  const wanted = values.map((one) => folded(unescaped(one)));
  return (value) =>
    textsOf(value).some((t) => {
      const here = folded(t);
      return wanted.some((w) => here.startsWith(w));
    });
}

/** Of a value as it is written, with its escapes. */
const TESTS: Record<
  Exclude<MemberParameter['kind'], 'string'>,
  (value: string) => ((v: Json) => boolean) | undefined
> = {
  token(value) {
    const { system, code } = readToken(value);
    return (v) =>
      tokensOf(v).some((t) => (system === undefined || t.system === system) && (code === '' || t.code === code));
  },
  reference(value) {
    const key = referenceKey(unescaped(value));
    return (v) => {
      const reference = isObject(v) ? text(v['reference']) : undefined;
      if (reference === undefined) return false;
      const own = referenceKey(reference);
      return own === key || (!key.includes('/') && own.endsWith(`/${key}`));
    };
  },
  date(value) {
    const compare = readDate(value);
    return compare && ((v) => spansOf(v).some(compare));
  },
};

type Token = { system: string; code: string };
function tokensOf(value: Json): Token[] {
  if (typeof value === 'string' || typeof value === 'boolean') return [{ system: '', code: String(value) }];
  if (!isObject(value)) return [];
  if (value['coding'] !== undefined) return objects(value['coding']).flatMap(tokensOf);
  const code = text(value['code']) ?? text(value['value']);
  return code === undefined ? [] : [{ system: text(value['system']) ?? '', code }];
}

/** Of a HumanName and of an Address. */
const TEXT_PARTS = 'text family given prefix suffix line city district state postalCode country'.split(' ');
function textsOf(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return isObject(value) ? TEXT_PARTS.flatMap((part) => textsOf(value[part] ?? [])) : [];
}
const folded = (t: string) => t.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** Spans of a date, dateTime or Period; an open end reaches for ever. */
function spansOf(value: Json): Span[] {
  if (typeof value === 'string') {
    const range = timeRange(value);
    return range ? [{ from: range.from.getTime(), to: range.to.getTime() }] : [];
  }
  if (!isObject(value) || (value['start'] === undefined && value['end'] === undefined)) return [];
  const start = timeRange(text(value['start']) ?? '');
  const end = timeRange(text(value['end']) ?? '');
  return [{ from: start?.from.getTime() ?? -Infinity, to: end?.to.getTime() ?? Infinity }];
}

/** A date with its prefix as a comparison; undefined when it is none. */
function readDate(value: string): ((span: Span) => boolean) | undefined {
  const prefix = /^(eq|ne|gt|lt|ge|le|sa|eb)/.exec(value)?.[1] ?? 'eq';
  const range = timeRange(value.replace(/^(eq|ne|gt|lt|ge|le|sa|eb)/, '').replace(' ', '+'));
  if (!range) return undefined;
  const from = range.from.getTime();
  const to = range.to.getTime();
  const inside = (s: Span) => s.from >= from && s.to <= to;
  const compare: Record<string, (s: Span) => boolean> = {
    eq: inside,
    ne: (s) => !inside(s),
    gt: (s) => s.to > to,
    lt: (s) => s.from < from,
    ge: (s) => s.to > to || inside(s),
    le: (s) => s.from < from || inside(s),
    sa: (s) => s.from >= to,
    eb: (s) => s.to <= from,
  };
  return compare[prefix];
}

/** What the database can hold of instants that a search can name: nothing is older or newer. */
const [FIRST, LAST] = [new Date('0001-01-01T00:00:00Z'), new Date('9999-12-31T23:59:59.999Z')];
const held = (d: Date): Date => (d < FIRST ? FIRST : d > LAST ? LAST : d);

/**
 * The half-open range of instants that `_lastUpdated` values leave.
 * @throws Outcome invalid-parameter
 */
export function readUpdated(value: string, range: { from?: Date; to?: Date }): void {
  const prefix = /^(eq|gt|lt|ge|le|sa|eb)/.exec(value)?.[1] ?? 'eq';
  const at = timeRange(value.replace(/^(eq|gt|lt|ge|le|sa|eb)/, '').replace(' ', '+'));
  if (!at)
    throw new Outcome('invalid-parameter', '_lastUpdated must be a date or an instant, with a prefix but ne and ap.');
  const atLeast = (d: Date) => {
    if (range.from === undefined || d > range.from) range.from = held(d);
  };
  const before = (d: Date) => {
    if (range.to === undefined || d < range.to) range.to = held(d);
  };
  if (prefix === 'eq' || prefix === 'ge') atLeast(at.from);
  if (prefix === 'eq' || prefix === 'le') before(at.to);
  if (prefix === 'gt' || prefix === 'sa') atLeast(at.to);
  if (prefix === 'lt' || prefix === 'eb') before(at.from);
}
