// Compression of answers for whom asks for it: a page of a search shrinks to a tenth. Only of what everybody may read: what is compressed
// beside a secret tells of it by its length. Workers leave it to the network before them.
import type { MiddlewareHandler } from 'hono';
import { compress } from 'hono/compress';

/** What is shorter fits into two packets as it is. */
const LEAST_BYTES = 2048;
/** Files have codings of their own, and JSON that is no FHIR is theirs. */
const TYPES = /^(application\/fhir\+(json|xml)|text\/(html|css))(;|$)/;

const gzip = compress({ encoding: 'gzip', threshold: LEAST_BYTES, contentTypeFilter: TYPES });

export const compressed: MiddlewareHandler = async (c, next) => {
  // no one else pays for it
  if (c.req.header('accept-encoding') === undefined) return next();
  await gzip(c, next);
  // RFC 9110 8.6: GET may give another form, of another length
  if (c.req.method === 'HEAD') c.res.headers.delete('content-length');
};
