// /staff/members/:member/attachments/:id: a document that a received record gives by address, as it was fetched. It leaves as a file,
// and no browser runs anything in it.

import { streamed } from '../../src/blobs/serve-file.ts';
import { own } from '../../src/safe-lookup.ts';
import { openAttachment } from '../records/view/attachment.ts';
import type { StaffRouter, Visit } from './router.ts';

const MEDIA = /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}$/i;
/** What a file of a kind is called at its end. */
const ENDINGS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/xml': 'xml',
  'text/xml': 'xml',
  'text/plain': 'txt',
  'text/csv': 'csv',
  'application/json': 'json',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/tiff': 'tif',
};

export function attachments(router: StaffRouter): void {
  const { deps } = router;
  const send = async (visit: Visit): Promise<Response> => {
    const { c } = visit;
    const id = c.req.param('id') ?? '';
    const found = /^[0-9a-f]{32}$/.test(id) ? await openAttachment(deps, c.req.param('member') ?? '', id) : undefined;
    if (found === 'not-copied')
      return router.notCopied(visit, 'The document is kept, and is not where this page is served from yet.');
    if (!found) return router.notFound(visit, 'There is no such document, or its record is not shown.');
    const page = found.isSensitive ? 'attachment-sensitive' : 'attachment';
    await router.viewed(visit, page, found.record, [found.memberId], 1);
    const bare = (found.media?.split(';')[0] ?? '').trim().toLowerCase();
    const media = MEDIA.test(bare) ? bare : 'application/octet-stream';
    // instead of that of our pages, which let styles and pictures of this site in
    c.get('headers')['content-security-policy'] = "sandbox; default-src 'none'";
    return streamed(found.content, 200, {
      'content-type': media,
      'content-length': String(found.bytes),
      'content-disposition': `attachment; filename="attachment.${own(ENDINGS, bare) ?? 'bin'}"`,
      'cache-control': 'private, no-store',
    });
  };
  router.page('/staff/members/:member/attachments/:id', 'rows', send, { isFile: 'document' });
}
