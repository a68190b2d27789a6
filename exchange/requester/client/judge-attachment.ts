// What a fetched attachment is, beside what its record says: the right one, another, none at all, or something that is not kept
// here. Pure.
import { own } from '../../../src/safe-lookup.ts';
import { isKeptType, isProgram } from '../../records/facts/attachment-type.ts';

/** What the record says. */
export type Declared = { media: string | null; size: number | null; sha1: string | null; sha256: string | null };
/** What came. `head`: its first bytes; `sha1` in base64, `sha256` in hexadecimal. */
export type Came = { media: string; head: Uint8Array; bytes: number; sha1: string; sha256: string };
/** `isTransient`: it may come right another time. */
export type AttachmentVerdict =
  | { media: string | null; isOtherType: boolean }
  | { reason: string; isTransient: boolean };

const bare = (media: string): string => (media.split(';')[0] ?? '').trim().toLowerCase();
/** Types that say nothing. */
const NO_TYPE: ReadonlySet<string> = new Set([
  '',
  'application/octet-stream',
  'binary/octet-stream',
  'application/binary',
]);
/** FHIR's own names for what also has another. */
const SAME: Readonly<Record<string, string>> = {
  'application/xml': 'text/xml',
  'application/cda+xml': 'text/xml',
  'application/hl7-cda+xml': 'text/xml',
  'application/fhir+xml': 'text/xml',
  'application/fhir+json': 'application/json',
  'image/jpg': 'image/jpeg',
};
const same = (media: string): string => own(SAME, bare(media)) ?? bare(media);

const GZIP = [0x1f, 0x8b] as const;
// of bytes: the mark of UTF-8 is three of them
const PAGE = /^(?:\xEF\xBB\xBF)?\s*<(?:!doctype html|html[\s>])/i;

function wrongType(declared: string | null, came: Came): AttachmentVerdict | undefined {
  const answered = bare(came.media);
  const begins = Buffer.from(came.head).toString('latin1');
  // a page where a document should be is a sign-in or an error
  if (answered === 'text/html' || answered === 'application/xhtml+xml' || PAGE.test(begins))
    return { reason: 'attachment-html', isTransient: true };
  if (isProgram(Buffer.from(came.head).toString('base64'))) return { reason: 'attachment-unsafe', isTransient: false };
  const named = declared === null || NO_TYPE.has(bare(declared)) ? answered : declared;
  if (!NO_TYPE.has(bare(named)) && !isKeptType(named)) return { reason: 'attachment-unsafe', isTransient: false };
  if (!NO_TYPE.has(answered) && !isKeptType(answered)) return { reason: 'attachment-unsafe', isTransient: false };
  // packed once more than it says
  if (came.head[0] === GZIP[0] && came.head[1] === GZIP[1])
    return { reason: 'attachment-encoding', isTransient: false };
  return undefined;
}

/** SHA-1 as the record gives it: base64 of the bytes, as FHIR has it, or of what many write, the hex digits. */
function isHash(given: string, sha1: string): boolean {
  const hex = Buffer.from(sha1, 'base64').toString('hex');
  const written = given.trim();
  return written === sha1 || written.toLowerCase() === hex || written === Buffer.from(hex).toString('base64');
}

/** Is it what the record says? A hash that is right outweighs a size that is not. */
export function judgeAttachment(declared: Declared, came: Came): AttachmentVerdict {
  if (came.bytes === 0) return { reason: 'attachment-empty', isTransient: true };
  const wrong = wrongType(declared.media, came);
  if (wrong) return wrong;
  if (declared.sha256 !== null && declared.sha256 !== came.sha256)
    return { reason: 'hash-mismatch', isTransient: true };
  if (declared.sha1 !== null) {
    if (!isHash(declared.sha1, came.sha1)) return { reason: 'hash-mismatch', isTransient: true };
  } else if (declared.sha256 === null && declared.size !== null && declared.size !== came.bytes)
    return { reason: 'size-mismatch', isTransient: true };
  const answered = bare(came.media);
  const media = declared.media !== null && !NO_TYPE.has(bare(declared.media)) ? declared.media : answered;
  return {
    media: NO_TYPE.has(bare(media)) ? null : media,
    isOtherType: !NO_TYPE.has(answered) && declared.media !== null && same(answered) !== same(declared.media),
  };
}
