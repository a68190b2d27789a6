// From one line of input to a staged resource: parse, judge, hash, extract. Pure but for the validator it is given.
import { contentHash, DIRECTORY_CONTENT } from '../fhir/canonical.ts';
import { minify, stamp } from '../fhir/json-text.ts';
import { ID_PATTERN, isResource, type Resource } from '../fhir/resource.ts';
import { type Entries, extract } from '../fhir/search/extract.ts';
import { isDirectoryType, TYPE_IDS } from '../fhir/search/types.ts';
import type { Staged } from './resource-staging.ts';

/** One resource or deletion of the input, or a line that could not be read. */
export type ImportEntry =
  | { source: string; line: number; entry?: number; text: string; request?: { method: string; url: string } }
  | { source: string; line: number; fault: string; message: string };

/** What a validator says of a resource. An `error` rejects it; anything else is kept as a finding. */
export type Finding = { severity: 'error' | 'warning' | 'information'; code: string; path?: string; text?: string };
export type Validate = (resource: Resource) => readonly Finding[];

export type Prepared = { staged: Staged } | { rejected: string; message: string };

export type PrepareOptions = {
  /** public FHIR base of the directory */
  base: string;
  /** absent: the input is known to be valid */
  validate?: Validate;
  /** any finding rejects */
  strict?: boolean;
};

const NO_ENTRIES: Entries = { params: [], tokens: [], tokenSeeds: [], refs: [], refParams: [], words: [], dates: [] };
const MARK = '\u0001';
const CUT = `${MARK}","lastUpdated":"${MARK}`;

/** Stages one entry, or says why it cannot be stored. */
export function prepare(entry: ImportEntry, options: PrepareOptions): Prepared {
  if ('fault' in entry) return { rejected: entry.fault, message: entry.message };
  if (entry.request?.method === 'DELETE') return prepareDeletion(entry.request.url);
  let resource: unknown;
  try {
    resource = JSON.parse(entry.text);
  } catch {
    return { rejected: 'invalid-json', message: 'The line is not JSON.' };
  }
  if (!isResource(resource)) return { rejected: 'no-type', message: 'resourceType is missing.' };
  const type = resource.resourceType;
  if (!isDirectoryType(type)) return { rejected: 'unknown-type', message: 'The type is not one of the directory.' };
  const id = resource['id'];
  if (typeof id !== 'string' || !ID_PATTERN.test(id)) return { rejected: 'invalid-id', message: 'id is missing or malformed.' };
  if (entry.text.includes('\\u0000')) return { rejected: 'nul-character', message: 'A string holds U+0000.' };
  const findings = options.validate?.(resource) ?? [];
  const fatal = findings.find((f) => f.severity === 'error' || (options.strict === true && f.severity === 'warning'));
  if (fatal) return { rejected: fatal.code, message: fatal.text ?? fatal.code };
  const stamped = stamp(minify(entry.text), { versionId: MARK, lastUpdated: MARK });
  const cut = stamped.indexOf(CUT);
  return {
    staged: {
      key: `${type}/${id}`,
      type: TYPE_IDS[type],
      deleted: false,
      hash: contentHash(resource, DIRECTORY_CONTENT),
      head: stamped.slice(0, cut),
      tail: stamped.slice(cut + CUT.length),
      findings: findings.map((f) => (f.path === undefined ? f.code : `${f.code} ${f.path}`)),
      entries: extract(resource, options.base),
    },
  };
}

function prepareDeletion(url: string): Prepared {
  const [type = '', id = '', ...more] = url.replace(/^\//, '').split('/');
  if (!isDirectoryType(type) || !ID_PATTERN.test(id) || more.length > 0)
    return { rejected: 'invalid-deletion', message: 'The deletion does not name one resource of the directory.' };
  const staged = { key: `${type}/${id}`, type: TYPE_IDS[type], deleted: true, hash: '', head: '', tail: '' };
  return { staged: { ...staged, findings: [], entries: NO_ENTRIES } };
}
