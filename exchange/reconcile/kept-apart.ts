// Documents whose bytes a server keeps apart from its records: its exports leave them out and name them by an extension in the
// place of the data; the server gives the bytes by an operation on the record, asked with the place of the Attachment. Such a
// record is read as one that gives its document by address. Pure.
// https://hapifhir.io/hapi-fhir/docs/server_jpa/operations/binary-storage.html
import { isId } from '../../src/fhir/reference.ts';
import { isObject, type Json, type JsonObject, type Resource } from '../../src/fhir/resource.ts';
import { parseSpelled, stringifySpelled } from '../../src/fhir/spelled-numbers.ts';
import { type Addressed, apartId, readAttachment } from './attachment-address.ts';

const HINT = '/externalized-binary-id"';
const OPERATION = '$binary-access-read';
/** Is it an address of that operation, and of no file? */
export const isApartRead = (url: URL): boolean => url.pathname.endsWith(`/${OPERATION}`);
/** The member of an element of several types is called without its type in a path: https://hl7.org/fhirpath/N1/#path-selection. */
const OF_SEVERAL = /^(value|content|source)Attachment$/;

/** Attachments whose bytes are apart, each with its place in the record; a Binary is none, it has an address of its own. */
function* apart(
  value: Json | undefined,
  path: string,
): Generator<{ attachment: JsonObject; id: string; path: string }> {
  if (Array.isArray(value)) {
    for (const [i, v] of value.entries()) yield* apart(v, `${path}[${i}]`);
    return;
  }
  if (!isObject(value)) return;
  const id = value['resourceType'] === undefined ? apartId(value) : undefined;
  if (id !== undefined) yield { attachment: value, id, path };
  for (const [name, member] of Object.entries(value))
    yield* apart(member, `${path}.${OF_SEVERAL.exec(name)?.[1] ?? name}`);
}

/**
 * The text of a record with an address for each document whose bytes are apart, and these addresses; undefined where there is none.
 * @param resource as it came: the places are those in it, whatever has been left out of `kept`
 */
export function addressApart(
  resource: Resource,
  kept: string,
  peerBase: string,
): { kept: string; given: Addressed[] } | undefined {
  if (!kept.includes(HINT)) return undefined;
  const id = resource['id'];
  if (!isId(id)) return undefined;
  const base = `${peerBase.replace(/\/+$/, '')}/${resource.resourceType}/${id}/${OPERATION}?path=`;
  const urls = new Map<string, string>();
  for (const a of apart(resource, resource.resourceType)) urls.set(a.id, base + encodeURIComponent(a.path));
  const next = parseSpelled(kept) as Resource;
  const given: Addressed[] = [];
  for (const { attachment, id: bytes } of apart(next, '')) {
    const url = urls.get(bytes);
    if (url === undefined) continue;
    given.push(readAttachment({ ...attachment, url }, peerBase));
    attachment['url'] = url;
    delete attachment['_data'];
  }
  return given.length === 0 ? undefined : { kept: stringifySpelled(next), given };
}
