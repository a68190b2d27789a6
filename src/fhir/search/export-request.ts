// Parameters of a system-level $export of the directory as plain data. https://hl7.org/fhir/uv/bulkdata/
import { parseInstant } from '../instant.ts';
import { Outcome } from '../outcome.ts';
import type { Criterion } from './criterion.ts';
import { readCriterion } from './read-criterion.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType } from './types.ts';

export type ExportRequest = {
  /** sorted; empty: all */
  types: DirectoryType[];
  /** ISO; later than this */
  since?: string;
  /** ISO; up to this */
  until?: string;
  /** `Type?query`, sorted */
  filters: string[];
  /** `element` or `Type.element`, sorted */
  elements: string[];
  /** names that a lenient client sent in vain */
  ignored: string[];
};

export type ExportOptions = { base: string; now: Date; staleDays?: number; lenient: boolean };

const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson', 'application/fhir ndjson']);
const RESULT = /^_(count|sort|total|summary|elements|include|revinclude|cursor|contained|score|format|has)\b/;
const MAX_FILTERS = 20;

const instant = (name: string, value: string): string => {
  const at = parseInstant(value.replace(/ (?=\d\d:\d\d$)/, '+'));
  if (!at || at.getUTCFullYear() < 1900) throw new Outcome('invalid-parameter', `${name} must be an instant.`);
  return at.toISOString();
};

/** @throws Outcome invalid-parameter or unknown-parameter */
export function readExport(pairs: Iterable<readonly [string, string]>, options: ExportOptions): ExportRequest {
  const types = new Set<DirectoryType>();
  const filters = new Set<string>();
  const elements = new Set<string>();
  const ignored = new Set<string>();
  const request: ExportRequest = { types: [], filters: [], elements: [], ignored: [] };
  const refuse = (code: 'invalid-parameter' | 'unknown-parameter', name: string, text: string) => {
    if (!options.lenient) throw new Outcome(code, text);
    ignored.add(/^[\w.-]{1,64}$/.test(name) ? name : '?');
  };
  for (const [name, value] of pairs) {
    if (value === '' || name === '_format') continue;
    if (name === '_type') {
      for (const type of value.split(',').map((t) => t.trim()))
        if (isDirectoryType(type)) types.add(type);
        else refuse('invalid-parameter', name, '_type names a type that is not served here.');
      if (types.size === 0) throw new Outcome('invalid-parameter', '_type names no type that is served here.');
    } else if (name === '_since') request.since = instant(name, value);
    else if (name === '_until') request.until = instant(name, value);
    else if (name === '_outputFormat') {
      if (!FORMATS.has(value)) throw new Outcome('invalid-parameter', '_outputFormat must be application/fhir+ndjson.');
    } else if (name === '_typeFilter') {
      for (const filter of splitFilters(value)) {
        readTypeFilter(filter, options); // throws
        filters.add(filter);
      }
      if (filters.size > MAX_FILTERS) throw new Outcome('invalid-parameter', 'There are too many _typeFilter.');
    } else if (name === '_elements') {
      for (const element of value.split(',').map((e) => e.trim()))
        if (/^([A-Z]\w{1,40}\.)?[A-Za-z]{1,64}$/.test(element)) elements.add(element);
        else throw new Outcome('invalid-parameter', '_elements lists names of top-level elements.');
    } else refuse('unknown-parameter', name, 'A parameter is not supported by $export of the directory.');
  }
  for (const filter of filters) {
    const { type } = readTypeFilter(filter, options);
    if (types.size > 0 && !types.has(type))
      throw new Outcome('invalid-parameter', 'A _typeFilter is of a type that _type does not name.');
  }
  if (request.since !== undefined && request.until !== undefined && request.since > request.until)
    throw new Outcome('invalid-parameter', '_since is later than _until.');
  request.types = types.size === DIRECTORY_TYPES.length ? [] : [...types].sort();
  request.filters = [...filters].sort();
  request.elements = [...elements].sort();
  request.ignored = [...ignored].sort();
  return request;
}

/** Parts a `_typeFilter` that joins several queries by commas, as Bulk Data 2.0.0 does: each begins with a type. */
export const splitFilters = (value: string): string[] =>
  value.split(/,(?=[A-Z][A-Za-z]*\?)/).filter((part) => part !== '');

/**
 * One `_typeFilter`: a search on one type, without chains and without parameters that shape a result.
 * @throws Outcome invalid-parameter
 */
export function readTypeFilter(
  text: string,
  options: Pick<ExportOptions, 'base' | 'now' | 'staleDays'>,
): { type: DirectoryType; criteria: Criterion[] } {
  const cut = text.indexOf('?');
  const type = cut === -1 ? text : text.slice(0, cut);
  if (!isDirectoryType(type)) throw new Outcome('invalid-parameter', 'A _typeFilter begins with a type served here.');
  const criteria: Criterion[] = [];
  for (const [name, value] of new URLSearchParams(cut === -1 ? '' : text.slice(cut + 1))) {
    if (RESULT.test(name)) throw new Outcome('invalid-parameter', 'A _typeFilter takes no parameter of the result.');
    const criterion = readCriterion(type, name, value, options);
    if (criterion === undefined) throw new Outcome('invalid-parameter', 'A _typeFilter has an unknown parameter.');
    if (criterion.kind === 'chain' || criterion.kind === 'reverse-chain')
      throw new Outcome('invalid-parameter', 'A _typeFilter takes no chains.');
    criteria.push(criterion);
  }
  if (criteria.length === 0) throw new Outcome('invalid-parameter', 'A _typeFilter has no parameter.');
  return { type, criteria };
}

/** Is it answered by the files of a publication as they are? */
export function isPlain(r: ExportRequest): boolean {
  return (
    r.since === undefined &&
    r.until === undefined &&
    r.filters.length === 0 &&
    r.elements.length === 0 &&
    r.ignored.length === 0
  );
}
