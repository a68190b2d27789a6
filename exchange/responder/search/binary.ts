// GET Binary/[id]: a document that a record of a member links to, ours or one that was fetched from the payer before. It is there for
// anyone who may have that record today, and for no one else; the scopes are those of DocumentReference and of the
// record. https://hl7.org/fhir/R4/binary.html
import type { Context } from 'hono';
import { streamed } from '../../../src/blobs/serve-file.ts';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { ID_PATTERN, type Resource, text } from '../../../src/fhir/resource.ts';
import { FHIR_JSON, type FhirEnv, fhirBody, route } from '../../../src/http/fhir-app.ts';
import { attachmentKey, findAttachment } from '../../records/attachment.ts';
import { documentAt, readDocumentId } from '../../records/facts/attachment.ts';
import { authorize, type Caller, covers, insufficientScope, recordRefusal } from '../authorize.ts';
import { takeDownload } from '../export/download-limit.ts';
import { notCopied } from '../export/export-file.ts';
import { daysOf, grantsOfRecord, recordAccess } from './member-access.ts';
import { isLinked, type MemberRow, memberRows, ownText } from './member-read-rows.ts';

const PRIVATE = { 'cache-control': 'private, no-store', vary: 'Accept, Authorization' };
const MEDIA = /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}(?:; ?charset=[a-z0-9-]{1,40})?$/i;

export function binaryRead(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Binary/:id');
    const caller = await authorize(c, deps);
    if (!covers(caller, 'DocumentReference')) return insufficientScope(c, deps, caller, 'system/DocumentReference.r');
    takeDownload(c, deps, caller.peer.id);
    const id = c.req.param('id') ?? '';
    const found = ID_PATTERN.test(id) ? await findDocument(deps, caller, id) : undefined;
    if (!found) {
      await recordRefusal(c, deps, caller.peer, 'not-granted', `Binary/${id}`);
      throw new Outcome('not-found');
    }
    await recordAccess(c, deps, caller, { action: 'read', object: `Binary/${id}` }, [found.row], []);
    const media = MEDIA.test(found.contentType) ? found.contentType : 'application/octet-stream';
    if (asksForFhir(c.req.header('accept'), c.req.query('_format'))) {
      const binary = { resourceType: 'Binary', id, contentType: media };
      return 'data' in found
        ? fhirBody(c, JSON.stringify({ ...binary, data: found.data }), 200, PRIVATE)
        : streamed(withData(binary, found.content), 200, { ...PRIVATE, 'content-type': FHIR_JSON });
    }
    const headers = {
      ...PRIVATE,
      'content-type': media,
      // never shown in the place of one of our pages
      'content-disposition': 'attachment',
    };
    if ('content' in found) return streamed(found.content, 200, { ...headers, 'content-length': String(found.bytes) });
    const bytes = Buffer.from(found.data, 'base64');
    return c.body(bytes as Uint8Array<ArrayBuffer>, 200, { ...headers, 'content-length': String(bytes.length) });
  };
}

/** The bytes are the usual answer; the resource is for those who name FHIR and nothing else that would do. */
const asksForFhir = (accept: string | undefined, format: string | undefined): boolean =>
  /fhir\+json/.test(format ?? '') || (/application\/fhir\+json/i.test(accept ?? '') && !/\*\/\*/.test(accept ?? ''));

type Document = { row: MemberRow; contentType: string } & (
  | { data: string }
  | { content: AsyncIterable<Uint8Array>; bytes: number }
);

/** A Binary as JSON, its bytes in base64 as they are read. */
async function* withData(binary: object, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(binary).slice(0, -1)},"data":"`);
  let rest = Buffer.alloc(0);
  for await (const part of content) {
    const bytes = Buffer.concat([rest, part]);
    const whole = bytes.length - (bytes.length % 3);
    yield Buffer.from(bytes.toString('base64', 0, whole));
    rest = bytes.subarray(whole);
  }
  yield Buffer.from(`${rest.toString('base64')}"}`);
}

/** One that was fetched, while the record that gave its address may leave, and the caller's scopes cover that. */
async function findFetched(deps: Deps, caller: Caller, id: string): Promise<Document | undefined> {
  const { sql } = deps.database;
  const kept = await findAttachment(sql, id);
  const grants = await grantsOfRecord(deps, caller.peer.id, kept?.type ?? 'DocumentReference', kept?.recordId ?? id);
  if (!kept || !covers(caller, kept.type)) return undefined;
  const rows = await memberRows(sql, grants, daysOf(deps), { types: [kept.type], ids: [kept.recordId], limit: 2 });
  const row = rows.find((r) => r.memberId === kept.memberId);
  const content = row && (await deps.blobs.get(attachmentKey(kept.sha256)));
  if (row && !content && deps.blobs.isCopy === true) throw notCopied();
  return row && content && { row, contentType: kept.media ?? '', content, bytes: kept.bytes };
}

async function findDocument(deps: Deps, caller: Caller, id: string): Promise<Document | undefined> {
  const { sql } = deps.database;
  const days = daysOf(deps);
  const within = readDocumentId(id);
  if (within) {
    const grants = await grantsOfRecord(deps, caller.peer.id, within.type, within.id);
    const [row] = await memberRows(sql, grants, days, { types: [within.type], ids: [within.id], limit: 1 });
    const whole = row && (await ownText(sql, row));
    const document = whole === undefined ? undefined : documentAt(JSON.parse(whole) as Resource, within.place);
    if (row && document) return { row, contentType: document.contentType ?? '', data: document.data };
  }
  const fetched = await findFetched(deps, caller, id);
  if (fetched) return fetched;
  const grants = await grantsOfRecord(deps, caller.peer.id, 'Binary', id);
  // a Binary of its own leaves with a record that links to it, never alone
  const [row] = await memberRows(sql, grants, days, { types: ['Binary'], ids: [id], limit: 1 });
  if (!row || !(await isLinked(sql, grants, days, row.memberId, id))) return undefined;
  const binary = JSON.parse(row.text) as Resource;
  const data = text(binary['data']);
  return data === undefined ? undefined : { row, contentType: text(binary['contentType']) ?? '', data };
}
