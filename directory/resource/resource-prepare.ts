// From one line of input to a staged resource: parse, judge, hash, extract. Pure but for the validator it is given.
import { contentHash, DIRECTORY_CONTENT } from '../../src/fhir/canonical.ts';
import { minify, stamp } from '../../src/fhir/json-text.ts';
import { ID_PATTERN, isObject, isResource, type Resource, strings } from '../../src/fhir/resource.ts';
import { emptyEntries } from '../../src/fhir/search/entries.ts';
import { extract } from '../../src/fhir/search/extract.ts';
import { isDirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { careEntries, MOST_ENTRIES } from '../search/care-at.ts';
import type { Staged } from './resource-staging.ts';

/**
 * One resource or deletion of the input, or a line that could not be read. `resource` is `text` parsed, when the reader
 * has it already. A deletion has an empty text and a request.
 */
export type ImportEntry =
  | {
      source: string;
      line: number;
      entry?: number;
      text: string;
      resource?: Resource | undefined;
      request?: { method: string; url: string };
    }
  | { source: string; line: number; entry?: number; fault: string; message: string; unread?: true };

/** What a validator says of a resource. An `error` rejects it; a finding is kept beside it. `message` holds no values. */
type Finding = { severity: 'error' | 'finding'; code: string; path: string; message: string };
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

const MARK = '\u0001';
const CUT = `${MARK}","lastUpdated":"${MARK}`;

/** Half of a surrogate pair, as JSON.stringify writes it: no text of the database can hold it. */
const HALF = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** Stages one entry, or says why it cannot be stored. */
export function prepare(entry: ImportEntry, options: PrepareOptions): Prepared {
  if ('fault' in entry) return { rejected: entry.fault, message: entry.message };
  if (entry.request?.method === 'DELETE') return prepareDeletion(entry.request.url);
  const resource = entry.resource ?? parse(entry.text);
  if (resource === undefined) return { rejected: 'not-json', message: 'The text is not valid JSON.' };
  if (!isResource(resource)) return { rejected: 'no-type', message: 'resourceType is missing.' };
  const type = resource.resourceType;
  if (!isDirectoryType(type)) return { rejected: 'unsupported-type', message: 'Not a type of the directory.' };
  const id = resource['id'];
  if (typeof id !== 'string' || !ID_PATTERN.test(id))
    return { rejected: 'no-id', message: 'The resource has no id, or a malformed one.' };
  if (entry.text.includes('\\u0000')) return { rejected: 'invalid-resource', message: 'A string holds U+0000.' };
  if (entry.text.includes('\\u') && HALF.test(JSON.stringify(resource)))
    return { rejected: 'invalid-resource', message: 'A string holds half of a character.' };
  const findings = options.validate?.(resource) ?? [];
  const fatal = findings.find((f) => f.severity === 'error');
  if (fatal) return { rejected: 'invalid-resource', message: `${fatal.path}: ${fatal.message}` };
  const [first] = findings;
  if (options.strict === true && first)
    return { rejected: 'strict-finding', message: `${first.path}: ${first.message}` };
  const profiles = keptProfiles(resource, findings);
  const held = extract(profiles === undefined ? resource : claiming(resource, profiles), options.base);
  if (type === 'PractitionerRole' && careEntries(held) > MOST_ENTRIES)
    return { rejected: 'invalid-resource', message: 'A role has more specialties and places than any has.' };
  const stamped = stamp(minify(entry.text), {
    versionId: MARK,
    lastUpdated: MARK,
    ...(profiles === undefined ? {} : { profiles }),
  });
  const cut = stamped.indexOf(CUT);
  return {
    staged: {
      key: `${type}/${id}`,
      type: TYPE_IDS[type],
      deleted: false,
      hash: contentHash(resource, DIRECTORY_CONTENT),
      head: stamped.slice(0, cut),
      tail: stamped.slice(cut + CUT.length),
      findings: findings.map((f) => `${f.code} ${f.path}`),
      entries: held,
    },
  };
}

/** Findings that break no profile: they are about values that the profiles leave free. */
const HARMLESS: ReadonlySet<string> = new Set(['odd-postal-code', 'odd-phone', 'conditional-reference']);
const OURS = /^http:\/\/hl7\.org\/fhir\/us\/(davinci-pdex-plan-net|core)\//;

/**
 * What we serve claims no profile that it breaks. Undefined: all claims stay.
 * The claims of Plan-Net and US Core go when there is a finding that is more than an odd value.
 */
function keptProfiles(resource: Resource, findings: readonly Finding[]): string[] | undefined {
  if (findings.every((f) => HARMLESS.has(f.code))) return undefined;
  const claimed = claimsOf(resource);
  const kept = claimed.filter((p) => !OURS.test(p));
  return kept.length === claimed.length ? undefined : kept;
}

const claimsOf = ({ meta }: Resource): string[] => (isObject(meta) ? strings(meta['profile']) : []);

function claiming(resource: Resource, profiles: string[]): Resource {
  const { meta } = resource;
  const { profile: _, ...rest } = isObject(meta) ? meta : {};
  return { ...resource, meta: profiles.length === 0 ? rest : { ...rest, profile: profiles } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function prepareDeletion(url: string): Prepared {
  const [type = '', id = '', ...more] = url.replace(/^\//, '').split('/');
  if (!isDirectoryType(type) || !ID_PATTERN.test(id) || more.length > 0)
    return { rejected: 'bad-request-url', message: 'The deletion does not name one resource of the directory.' };
  const staged = { key: `${type}/${id}`, type: TYPE_IDS[type], deleted: true, hash: '', head: '', tail: '' };
  return { staged: { ...staged, findings: [], entries: emptyEntries() } };
}
