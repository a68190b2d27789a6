// What an entry of a history, or of a list of deletions, says is gone. https://hl7.org/fhir/R4/http.html#history;
// https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
import { parseReference } from '../../../src/fhir/reference.ts';
import { isObject, type JsonObject, text } from '../../../src/fhir/resource.ts';
import { baseKey } from '../classify-url.ts';
import type { RecordContext } from '../record.ts';

/**
 * @returns type and id, also where the version that ended is named (`Type/id/_history/3`) or only `fullUrl` is there; `other`: a record of
 *   another directory, which is none of the peer's; undefined when it is no deletion that can be read
 */
export function readDeletion(
  entry: JsonObject,
  { ours, direct }: Pick<RecordContext, 'ours' | 'direct'>,
): { type: string; id: string } | 'other' | undefined {
  const request = isObject(entry['request']) ? entry['request'] : {};
  if (request['method'] !== 'DELETE') return undefined;
  const named = [text(request['url']), text(entry['fullUrl'])].map((url) => parseReference(url ?? ''));
  const reference = named.find((r) => r.kind === 'relative' || r.kind === 'absolute');
  if (reference === undefined) return undefined;
  if (reference.kind === 'absolute' && [...ours, ...direct].includes(baseKey(reference.base))) return 'other';
  return { type: reference.type, id: reference.id };
}
