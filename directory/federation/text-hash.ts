import { hash } from 'node:crypto';

/** 64 bits of any text. */
export const textHash = (text: string): bigint => hash('sha1', text, 'buffer').readBigInt64LE(0);
