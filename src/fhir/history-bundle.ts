// A history Bundle as bytes; bodies are neither decoded nor parsed. https://hl7.org/fhir/R4/http.html#history
import { formatInstant } from './instant.ts';

type HistoryItem = {
  /** `Type/id` */
  key: string;
  version: number;
  lastUpdated: Date;
  deleted: boolean;
  body: Uint8Array;
};

export type HistoryParts = {
  /** public FHIR base, for fullUrl */
  base: string;
  entries: readonly HistoryItem[];
  /** absolute */
  self: string;
  next: string | undefined;
};

/** Method and status as the change would have been asked for: the first version was created, others replaced. */
function request(item: HistoryItem): { method: string; url: string; status: string } {
  if (item.deleted) return { method: 'DELETE', url: item.key, status: '204' };
  if (item.version === 1) return { method: 'POST', url: item.key.split('/', 1)[0] ?? '', status: '201' };
  return { method: 'PUT', url: item.key, status: '200' };
}

export function historyBundle(parts: HistoryParts): Uint8Array<ArrayBuffer> {
  const link = [
    { relation: 'self', url: parts.self },
    ...(parts.next === undefined ? [] : [{ relation: 'next', url: parts.next }]),
  ];
  const chunks: Uint8Array[] = [
    Buffer.from(
      `{"resourceType":"Bundle","type":"history","link":${JSON.stringify(link)}${parts.entries.length > 0 ? ',"entry":[' : ''}`,
    ),
  ];
  parts.entries.forEach((item, i) => {
    const { method, url, status } = request(item);
    chunks.push(Buffer.from(`${i > 0 ? ',' : ''}{"fullUrl":"${parts.base}/${item.key}"`));
    if (!item.deleted) chunks.push(Buffer.from(',"resource":'), item.body);
    chunks.push(
      Buffer.from(
        `,"request":{"method":"${method}","url":"${url}"},"response":{"status":"${status}","etag":"W/\\"${item.version}\\"","lastModified":"${formatInstant(item.lastUpdated)}"}}`,
      ),
    );
  });
  chunks.push(Buffer.from(parts.entries.length > 0 ? ']}' : '}'));
  return Buffer.concat(chunks);
}
