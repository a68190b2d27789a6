// Deletions that a payer tells: what each entry names of what it sent before.
import { isObject, isResource, text } from '../../src/fhir/resource.ts';
import { RECORD_TYPES } from '../records/facts/record-types.ts';
import { rejected, type Unit } from './read-unit.ts';
import { peerKey } from './rewrite.ts';

export type Deletion = { entry: number; unit: Unit };

/** What a DELETE names of the peer's, as `Type/id`. Of another host it says nothing of a record that the peer sent; nor does a version. */
function deletedKey(url: string, peerBase: string): string | undefined {
  if (url.includes('/_history/')) return undefined;
  const isRooted = url.startsWith('/') && URL.canParse(url, peerBase);
  return (
    peerKey(url.replace(/^\//, ''), peerBase) ?? (isRooted ? peerKey(new URL(url, peerBase).href, peerBase) : undefined)
  );
}

/** Something else than is told in a file of deletions: it takes nothing away, and stands with what is kept out. */
const NO_DELETION: Unit = { outcome: 'quarantined', reason: 'invalid-resource' };

/** The entries of one line of a deletions file: a transaction Bundle of DELETE requests. */
export function readDeletions(line: string, peerBase: string): Deletion[] | Unit {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return rejected('invalid-json');
  }
  if (!isResource(parsed)) return rejected('not-a-resource');
  const entries = Array.isArray(parsed['entry']) ? parsed['entry'] : [];
  // a batch may be carried out in part, and nothing else says that it is meant to be carried out at all
  if (parsed.resourceType !== 'Bundle' || parsed['type'] !== 'transaction' || entries.length === 0) return NO_DELETION;
  return entries.map((entry, i) => {
    const request = isObject(entry) && isObject(entry['request']) ? entry['request'] : {};
    const [type, sourceId] = deletedKey(text(request['url']) ?? '', peerBase)?.split('/') ?? [];
    if (request['method'] !== 'DELETE' || type === undefined || sourceId === undefined)
      return { entry: i, unit: NO_DELETION };
    return {
      entry: i,
      unit: {
        type,
        sourceId,
        isShared: RECORD_TYPES[type]?.class === 'shared',
        reason: 'deleted-at-source',
      },
    };
  });
}
