import { hash } from 'node:crypto';

const first = new DataView(new ArrayBuffer(8));

/** 64 bits of any text, or of its UTF-8: the first of its SHA-1, little-endian. A text of bytes is made sooner than a Buffer. */
export function textHash(text: string | Uint8Array): bigint {
  const bytes = hash('sha1', text, 'binary');
  for (let i = 0; i < 8; i++) first.setUint8(i, bytes.charCodeAt(i));
  return first.getBigInt64(0, true);
}
