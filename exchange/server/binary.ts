// GET Binary/[id]: a document that a record of a member links to. It is there for whoever may have that record today, and for
// nobody else; the scope is that of DocumentReference. https://hl7.org/fhir/R4/binary.html
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { ID_PATTERN, type Resource, text } from '../../src/fhir/resource.ts';
import { type FhirEnv, fhirBody, route } from '../../src/http/fhir-app.ts';
import { isLinked, type MemberRow, memberRows, ownText } from '../store/member-read.ts';
import { documentAt, readDocumentId } from '../transform/attachment.ts';
import { authorize, type Caller, covers, insufficientScope, recordRefusal } from './authorize.ts';
import { daysOf, grantsOfRecord, recordAccess } from './member-access.ts';

const PRIVATE = { 'cache-control': 'private, no-store', vary: 'Accept, Authorization' };
const MEDIA = /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}(?:; ?charset=[a-z0-9-]{1,40})?$/i;

export function binaryRead(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Binary/:id');
    const caller = await authorize(c, deps, 'export');
    if (!covers(caller, 'DocumentReference')) return insufficientScope(c, deps, caller);
    const id = c.req.param('id') ?? '';
    const found = ID_PATTERN.test(id) ? await findDocument(deps, caller, id) : undefined;
    if (!found) {
      await recordRefusal(c, deps, caller.peer, 'not-granted', `Binary/${id}`);
      throw new Outcome('not-found');
    }
    await recordAccess(c, deps, caller, { action: 'read', object: `Binary/${id}` }, [found.row], []);
    const media = MEDIA.test(found.contentType) ? found.contentType : 'application/octet-stream';
    if (asksForFhir(c.req.header('accept'), c.req.query('_format'))) {
      const resource = { resourceType: 'Binary', id, contentType: media, data: found.data };
      return fhirBody(c, JSON.stringify(resource), 200, PRIVATE);
    }
    const bytes = Buffer.from(found.data, 'base64');
    return c.body(bytes as Uint8Array<ArrayBuffer>, 200, {
      ...PRIVATE,
      'content-type': media,
      'content-length': String(bytes.length),
      // never shown in the place of one of our pages
      'content-disposition': 'attachment',
    });
  };
}

/** The bytes are the usual answer; the resource is for those who name FHIR and nothing else that would do. */
const asksForFhir = (accept: string | undefined, format: string | undefined): boolean =>
  /fhir\+json/.test(format ?? '') || (/application\/fhir\+json/i.test(accept ?? '') && !/\*\/\*/.test(accept ?? ''));

type Document = { row: MemberRow; contentType: string; data: string };

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
  const grants = await grantsOfRecord(deps, caller.peer.id, 'Binary', id);
  // a Binary of its own leaves with a record that links to it, never alone
  const [row] = await memberRows(sql, grants, days, { types: ['Binary'], ids: [id], limit: 1 });
  if (!row || !(await isLinked(sql, grants, days, row.memberId, id))) return undefined;
  const binary = JSON.parse(row.text) as Resource;
  const data = text(binary['data']);
  return data === undefined ? undefined : { row, contentType: text(binary['contentType']) ?? '', data };
}
