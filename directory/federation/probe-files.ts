// The part of the probe that is about files: $bulk-publish and indexes.
import { isObject, text } from '../../src/fhir/resource.ts';
import { type Client, discard, type JsonAnswer } from './client.ts';
import type { FactName } from './facts.ts';
import type { Peer } from './peer.ts';
import { HarvestFault } from './reasons.ts';

export type Note = (type: string, name: FactName, value: string, evidence: string) => void;

/** What became of a question: the answer, or its fault as a word. */
export async function tried(client: Client, url: string): Promise<{ answer?: JsonAnswer; fault?: string }> {
  try {
    return { answer: await client.json(url) };
  } catch (error) {
    if (!(error instanceof HarvestFault)) throw error;
    return { fault: error.reason };
  }
}

export async function probeFiles(client: Client, peer: Peer, note: Note): Promise<void> {
  const bulk =
    peer.urls.find((u) => u.kind === 'bulk-manifest')?.url ??
    (peer.base === null ? undefined : `${peer.base}/$bulk-publish`);
  if (bulk !== undefined) {
    const { answer, fault } = await tried(client, bulk);
    const value = answer?.status === 200 && isObject(answer.value) ? answer.value : undefined;
    const isManifest =
      value !== undefined && typeof value['transactionTime'] === 'string' && value['resourceType'] === undefined;
    note(
      '',
      'bulk-publish',
      isManifest ? 'works' : 'none',
      isManifest
        ? `updateCadence ${text(value['updateCadence']) ?? 'absent'}`
        : (fault ?? `status ${answer?.status ?? 0}`),
    );
    const etag = answer?.headers.get('etag');
    if (isManifest && etag) {
      const again = await client.get(bulk, { headers: { 'if-none-match': etag } });
      await discard(again);
      note('', 'bulk-etag', again.status === 304 ? '304' : String(again.status), 'asked again with If-None-Match');
    }
  }
  for (const u of peer.urls.filter((x) => x.kind === 'mpf-index')) {
    const { answer, fault } = await tried(client, u.url);
    const value = isObject(answer?.value) ? answer.value : undefined;
    note(
      '',
      'file-index',
      Array.isArray(value?.['provider_urls']) ? 'works' : 'none',
      fault ?? `status ${answer?.status ?? 0} of ${u.url}`,
    );
  }
}
