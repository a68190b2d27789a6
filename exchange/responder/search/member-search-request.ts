// A search for records of a member as plain data. Pure.
import { Outcome } from '../../../src/fhir/outcome.ts';
import { referenceId } from '../../../src/fhir/reference.ts';
import { ID_PATTERN } from '../../../src/fhir/resource.ts';
import { readToken, split, unescaped } from '../../../src/fhir/search/values.ts';
import { isShared } from '../../records/facts/record-types.ts';
import { type MemberCriterion, readCriterion, readUpdated } from './member-criterion.ts';
import { type Include, memberNames, memberParameters, readInclude } from './member-parameters.ts';
import type { Position } from './member-read-rows.ts';

export type MemberSearch = {
  type: string;
  /** members that are named; undefined: every member of the peer */
  members: string[] | undefined;
  ids: string[] | undefined;
  /** values of `identifier` of Patient that may be our unique member ids */
  umbs: string[] | undefined;
  from?: Date;
  to?: Date;
  criteria: MemberCriterion[];
  /** reference parameters whose targets come along */
  includes: Include[];
  withProvenance: boolean;
  count: number;
  /** only how many there are is asked: https://hl7.org/fhir/R4/search.html#count */
  isCounted: boolean;
  after: Position | undefined;
  /** what was understood, for links */
  applied: [string, string][];
};

const COUNT_DEFAULT = 50;
const COUNT_MAX = 200;
const MAX_PARAMETERS = 50;
/** Of one parameter, and of all that are compared with each record. */
const MAX_VALUES = 200;
const IGNORED = new Set(['_format', '_pretty', '_total']);

const encode = (p: Position) => Buffer.from(JSON.stringify([p.memberId, p.type, p.id])).toString('base64url');
export const cursorOf = encode;

/** A place in the order of rows. It grants nothing: who may see what is asked of every page. @throws Outcome bad-cursor */
export function readCursor(text: string): Position {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw new Outcome('bad-cursor');
  }
  if (
    !Array.isArray(value) ||
    value.length !== 3 ||
    value.some((v) => typeof v !== 'string' || !/^[A-Za-z0-9\-.]{1,130}$/.test(v))
  )
    throw new Outcome('bad-cursor');
  const [memberId, type, id] = value as [string, string, string];
  return { memberId, type, id };
}

export function readCount(value: string): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0)
    throw new Outcome('invalid-parameter', '_count must be a number above zero.');
  return Math.min(Number(value), COUNT_MAX);
}

/** Is only the number asked for? `_count=0` is the same as `_summary=count`. https://hl7.org/fhir/R4/search.html#count */
export const asksNumber = (name: string, value: string): boolean =>
  (name === '_count' && /^0{1,9}$/.test(value)) || (name === '_summary' && value === 'count');

/**
 * @param options.umbSystem system of our unique member ids
 * @param options.base of our FHIR server: a Patient of another is none of ours, whatever its id
 * @throws Outcome unknown-parameter, invalid-parameter, missing-parameter, search-too-complex or bad-cursor
 */
export function readMemberSearch(
  type: string,
  pairs: Iterable<readonly [string, string]>,
  options: { lenient: boolean; umbSystem: string; base: string },
): MemberSearch {
  const s: MemberSearch = {
    type,
    members: undefined,
    ids: undefined,
    umbs: undefined,
    criteria: [],
    includes: [],
    withProvenance: false,
    count: COUNT_DEFAULT,
    isCounted: false,
    after: undefined,
    applied: [],
  };
  let n = 0;
  for (const [name, value] of pairs) {
    if (++n > MAX_PARAMETERS || value.length > 8192) throw new Outcome('search-too-complex');
    if (IGNORED.has(name)) continue;
    if (apply(s, name, value, options)) {
      if (name !== '_page') s.applied.push([name, value]);
    } else if (!options.lenient)
      throw new Outcome('unknown-parameter', `${type} cannot be searched by ${quoted(name, value)}.`);
    if (s.criteria.reduce((sum, c) => sum + c.values, 0) > MAX_VALUES) throw new Outcome('search-too-complex');
  }
  const isAlone = s.criteria.some((c) => c.parameter.isAlone);
  if (type !== 'Patient' && !isShared(type) && s.members === undefined && s.ids === undefined && !isAlone) {
    const alone = Object.entries(memberParameters(type)).flatMap(([name, p]) => (p.isAlone ? [name] : []));
    throw new Outcome(
      'missing-parameter',
      `Name the member: ${memberNames(type)[0] ?? '_id'}=Patient/…, or records by ${['_id', ...alone].join(' or ')}.`,
    );
  }
  return s;
}

/** A parameter in a message: its name, of an include its value too; what does not look like one is not repeated. */
function quoted(name: string, value: string): string {
  const isName = (text: string) => /^[A-Za-z_][A-Za-z0-9_:.*-]{0,60}$/.test(text);
  if (!isName(name)) return 'a parameter of this request';
  return name.includes('include') && isName(value) ? `${name}=${value}` : name;
}

/** Both sets hold: what was named before and what is named now. */
const within = (had: string[] | undefined, more: string[]) => (had ? had.filter((v) => more.includes(v)) : more);

/** False when the parameter is not known. */
function apply(s: MemberSearch, name: string, value: string, options: { umbSystem: string; base: string }): boolean {
  const values = () => {
    const found = split(value, ',');
    if (found.length > MAX_VALUES) throw new Outcome('search-too-complex');
    // it would be taken for a value that nothing has
    if (found.includes('')) throw new Outcome('invalid-parameter', `${name} has an empty value.`);
    return found;
  };
  if (name === '_id') {
    const ids = values()
      .map(unescaped)
      .filter((v) => ID_PATTERN.test(v));
    if (s.type === 'Patient') s.members = within(s.members, ids);
    s.ids = within(s.ids, ids);
  } else if (memberNames(s.type).includes(name) || memberNames(s.type).some((m) => name === `${m}:Patient`)) {
    const ids = values()
      .map(unescaped)
      .map((v) => referenceId(v, 'Patient', options.base) ?? v);
    s.members = within(
      s.members,
      ids.filter((v) => ID_PATTERN.test(v)),
    );
  } else if (name === '_lastUpdated') for (const v of values()) readUpdated(v, s);
  else if (asksNumber(name, value)) s.isCounted = true;
  else if (name === '_count') s.count = readCount(value);
  else if (name === '_page') s.after = readCursor(value);
  else if (name === '_revinclude' && value === 'Provenance:target' && !isShared(s.type)) s.withProvenance = true;
  else if (name === '_include') {
    const included = readInclude(s.type, value);
    if (!included) return false;
    s.includes.push(...included);
  } else if (s.type === 'Patient' && name === 'identifier') readIdentifier(s, values(), options.umbSystem);
  else {
    const parameter = Object.hasOwn(memberParameters(s.type), name) ? memberParameters(s.type)[name] : undefined;
    if (!parameter) return false;
    values();
    s.criteria.push(readCriterion(name, parameter, value));
  }
  return true;
}

/**
 * Identifiers of our own system, or without one, may be unique member ids: these are looked up, others are compared.
 * @param values as they are written, with their escapes
 */
function readIdentifier(s: MemberSearch, values: string[], umbSystem: string): void {
  const umbs: string[] = [];
  const others: string[] = [];
  for (const v of values) {
    const { system, code } = readToken(v);
    // all that the system has is no one of them
    if (system === umbSystem && code !== '') umbs.push(code);
    else others.push(v);
  }
  if (others.length === 0) s.umbs = within(s.umbs, umbs);
  else {
    const parameter = memberParameters('Patient')['identifier'];
    if (!parameter) return;
    const own = readCriterion('identifier', parameter, values.join(','));
    s.criteria.push(own);
  }
}
