// Ids and addresses of peers' records in the merged base. They are stable for ever: the same record has the same id on any
// day, and two peers never share one (federation.md 8). Pure.
import { createHash } from 'node:crypto';
import { ID_PATTERN } from '../../src/fhir/resource.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const HASHED = 40;

/** RFC 4648 base32 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let out = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      out += ALPHABET[(held >> (bits - 5)) & 31];
      bits -= 5;
      held &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? out + ALPHABET[(held << (5 - bits)) & 31] : out;
}

const hashedId = (slug: string, id: string): string =>
  `${slug}..${base32(createHash('sha256').update(id).digest()).slice(0, HASHED)}`;

/** `slug.id`, or `slug..` and a hash when that is no FHIR id. `slug..` cannot come from an id: those begin with no dot. */
export function mergedId(slug: string, id: string): string {
  const plain = `${slug}.${id}`;
  return ID_PATTERN.test(plain) && !id.startsWith('.') ? plain : hashedId(slug, id);
}

/** The id of one of several contents that a peer gave to one id. @param hash of the content, hex */
export function variantId(slug: string, id: string, hash: string): string {
  const base = mergedId(slug, id);
  const end = `.v${hash.slice(0, 8)}`;
  return (base.length + end.length <= 64 ? base : hashedId(slug, id)) + end;
}

/** The id, at its peer, of a resource that was contained in another one. */
export const liftedId = (parent: string, contained: string): string => `${parent}.c.${contained}`;

/** Does this id of our own look like one of a peer's? */
export const hasPeerPrefix = (id: string, slugs: ReadonlySet<string>): boolean => {
  const dot = id.indexOf('.');
  return dot > 0 && slugs.has(id.slice(0, dot));
};
