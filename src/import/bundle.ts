// A Bundle taken apart: every entry becomes an import entry of its own. https://hl7.org/fhir/R4/bundle.html. Bulk Data
// lists deletions as transaction Bundles of DELETE requests
// (https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest).
import { elements, members, minify, replaceReferences } from '../fhir/json-text.ts';
import { parseReference } from '../fhir/reference.ts';
import { isObject, isResource, type JsonObject, type Resource, text } from '../fhir/resource.ts';
import type { RejectCode } from './reject.ts';

export type BundleEntry =
  | { entry: number; text: string; resource: Resource; request?: { method: 'PUT'; url: string } }
  | { entry: number; text: ''; resource: undefined; request: { method: 'DELETE'; url: string } }
  /** `written`: its text, minified */
  | { entry: number; fault: RejectCode; message: string; written: string };

const TYPES = new Set(['collection', 'searchset', 'transaction', 'batch']);

/** Undefined when the Bundle can be taken apart. History would bring old versions after new ones; documents are whole. */
export function bundleFault(bundle: JsonObject): { fault: RejectCode; message: string } | undefined {
  const type = text(bundle['type']);
  if (type === undefined || !TYPES.has(type))
    return { fault: 'unsupported-bundle', message: 'a Bundle of type collection, searchset, transaction or batch' };
  if (bundle['entry'] !== undefined && !Array.isArray(bundle['entry']))
    return { fault: 'unsupported-bundle', message: 'Bundle.entry is not an array' };
  return undefined;
}

/**
 * The entries in their order; `entry` counts from 0, as in `Bundle.entry[0]`.
 * @param json the text that `bundle` was parsed from
 */
export function* bundleEntries(json: string, bundle: JsonObject): Generator<BundleEntry> {
  const values = Array.isArray(bundle['entry']) ? bundle['entry'] : [];
  const at = members(json).findLast((m) => m.key === 'entry')?.valueStart;
  if (at === undefined) return;
  const local = localReferences(values);
  for (const [entry, slice] of elements(json, at).entries()) {
    const value = values[entry];
    const read = isObject(value) ? readEntry(slice, value, local) : notAnEntry;
    yield 'fault' in read ? { entry, ...read, written: minify(slice) } : { entry, ...read };
  }
}

const notAnEntry = { fault: 'not-an-object', message: 'a Bundle entry that is not an object' } as const;

type Read =
  | { text: string; resource: Resource; request?: { method: 'PUT'; url: string } }
  | { text: ''; resource: undefined; request: { method: 'DELETE'; url: string } }
  | { fault: RejectCode; message: string };

function readEntry(slice: string, value: JsonObject, local: ReadonlyMap<string, string>): Read {
  const { search, resource, request } = value;
  if (isObject(search) && search['mode'] === 'outcome') return { fault: 'not-data', message: 'search.mode is outcome' };
  const method = isObject(request) ? request['method'] : undefined;
  const url = isObject(request) ? text(request['url']) : undefined;
  if (method === 'DELETE') {
    if (url === undefined || parseReference(url).kind !== 'relative')
      return { fault: 'bad-request-url', message: 'DELETE needs a url Type/id' };
    return { text: '', resource: undefined, request: { method, url } };
  }
  if (method !== undefined && method !== 'PUT' && method !== 'POST')
    return { fault: 'unsupported-request', message: 'request.method is not PUT, POST or DELETE' };
  if (resource === undefined) return { fault: 'no-resource', message: 'no resource' };
  if (!isObject(resource)) return { fault: 'not-an-object', message: 'the resource is not an object' };
  if (!isResource(resource)) return { fault: 'no-type', message: 'resourceType is missing' };
  if (method === 'PUT' && url !== `${resource.resourceType}/${text(resource['id']) ?? ''}`)
    return { fault: 'bad-request-url', message: 'PUT needs the url Type/id of its resource' };
  const own = resourceText(slice, resource, local);
  return method === 'PUT' && url !== undefined ? { ...own, request: { method, url } } : own;
}

function textWithin(slice: string): string {
  const place = members(slice).findLast((m) => m.key === 'resource');
  return minify(place === undefined ? '' : slice.slice(place.valueStart, place.end));
}

/** The resource of each entry as it was written, minified; empty where it has none. */
export function resourceTexts(json: string): string[] {
  const at = members(json).findLast((m) => m.key === 'entry')?.valueStart;
  return at === undefined ? [] : elements(json, at).map((slice) => (slice.startsWith('{') ? textWithin(slice) : ''));
}

function resourceText(slice: string, resource: Resource, local: ReadonlyMap<string, string>) {
  const json = textWithin(slice);
  if (local.size === 0) return { text: json, resource };
  const resolved = replaceReferences(json, (reference) => {
    const real = local.get(reference);
    return real === undefined ? undefined : `"reference":${JSON.stringify(real)}`;
  });
  return resolved === json ? { text: json, resource } : { text: resolved, resource: JSON.parse(resolved) as Resource };
}

/**
 * `urn:uuid:…` names an entry within its Bundle and means nothing outside it (https://hl7.org/fhir/R4/bundle.html#references):
 * such references are written as Type/id of the entry they name.
 */
function localReferences(entries: readonly unknown[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of entries) {
    if (!isObject(entry)) continue;
    const { fullUrl, resource } = entry;
    if (typeof fullUrl !== 'string' || !fullUrl.startsWith('urn:') || !isResource(resource)) continue;
    if (typeof resource['id'] === 'string') found.set(fullUrl, `${resource.resourceType}/${resource['id']}`);
  }
  return found;
}
