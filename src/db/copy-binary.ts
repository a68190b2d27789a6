// Rows in the binary form of COPY: nothing is escaped, and the server reads numbers as they are.
// https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT
import { parseInstant } from '../fhir/instant.ts';

const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const CHUNK = 256 * 1024;
const OID = { int2: 21, int8: 20, text: 25, polygon: 604 } as const;

/** Milliseconds between 1970 and 2000, where PostgreSQL counts from. */
const EPOCH = 946_684_800_000;
const HALF = 4_294_967_296;
const DAY = 86_400_000;

type Ring = readonly (readonly [number, number])[];

export type BinaryRows = ReturnType<typeof binaryRows>;

/** What stands before the rows of a COPY, and behind them. */
export const COPY_HEADER = HEADER;
export const COPY_TRAILER = Buffer.from([255, 255]);

const fresh = (): Buffer<ArrayBuffer> => Buffer.allocUnsafeSlow(CHUNK);

/**
 * Gathers the rows of one COPY: `row`, then each of its fields in order.
 * @param isWhole false: rows alone, of a COPY that takes those of several gatherings between {@link COPY_HEADER} and {@link COPY_TRAILER}
 * @param memory to write in, a piece at a time; a field that is longer than one has memory of its own
 */
export function binaryRows(isWhole = true, memory = fresh) {
  const full: Buffer<ArrayBuffer>[] = [];
  let buffer = memory();
  let at = isWhole ? HEADER.copy(buffer) : 0;
  let rows = 0;
  let kept = 0;

  const room = (bytes: number) => {
    if (at + bytes <= buffer.length) return;
    full.push(buffer.subarray(0, at));
    kept += at;
    buffer = memory();
    if (bytes > buffer.length) buffer = Buffer.allocUnsafeSlow(bytes);
    at = 0;
  };
  const put16 = (value: number) => {
    buffer[at++] = value >> 8;
    buffer[at++] = value;
  };
  const put32 = (value: number) => {
    buffer[at++] = value >> 24;
    buffer[at++] = value >> 16;
    buffer[at++] = value >> 8;
    buffer[at++] = value;
  };
  /** UTF-8 behind its length. The caller has made room for three bytes a character. */
  const putText = (value: string) => {
    const length = buffer.write(value, at + 4);
    put32(length);
    at += length;
  };
  const putFloat = (value: number) => {
    at = buffer.writeDoubleBE(value, at);
  };
  const polygonBytes = (ring: Ring) => 4 + ring.length * 16;
  const putPolygon = (ring: Ring) => {
    put32(polygonBytes(ring));
    put32(ring.length);
    for (const [x, y] of ring) {
      putFloat(x);
      putFloat(y);
    }
  };
  const arrayHead = (length: number, bytes: number, oid: number) => {
    put32(bytes);
    put32(length === 0 ? 0 : 1);
    put32(0);
    put32(oid);
    if (length === 0) return;
    put32(length);
    put32(1);
  };

  return {
    count: () => rows,
    bytes: () => kept + at,
    row(fields: number) {
      room(2);
      put16(fields);
      rows++;
    },
    none() {
      room(4);
      put32(-1);
    },
    bool(value: boolean) {
      room(5);
      put32(1);
      buffer[at++] = value ? 1 : 0;
    },
    int2(value: number) {
      room(6);
      put32(2);
      put16(value);
    },
    int4(value: number) {
      room(8);
      put32(4);
      put32(value);
    },
    int8(hi: number, lo: number) {
      room(12);
      put32(8);
      put32(hi);
      put32(lo);
    },
    bigint(value: bigint) {
      room(12);
      put32(8);
      at = buffer.writeBigInt64BE(value, at);
    },
    /** PostgreSQL's "char": one byte. */
    char(value: string) {
      room(5);
      put32(1);
      buffer[at++] = value.charCodeAt(0);
    },
    /** Text that is UTF-8 already. */
    utf8(value: Uint8Array) {
      room(4 + value.length);
      put32(value.length);
      buffer.set(value, at);
      at += value.length;
    },
    /** @param millis since 1970, or infinite */
    timestamp(millis: number) {
      room(12);
      put32(8);
      if (!Number.isFinite(millis)) {
        put32(millis < 0 ? -0x80000000 : 0x7fffffff);
        put32(millis < 0 ? 0 : -1);
        return;
      }
      const micros = (millis - EPOCH) * 1000;
      const hi = Math.floor(micros / HALF);
      put32(hi);
      put32(micros - hi * HALF);
    },
    /** @param value a FHIR instant; digits behind the sixth of a second are rounded, as the server rounds them */
    instant(value: string) {
      const millis = parseInstant(value)?.getTime();
      if (millis === undefined) throw new Error('not an instant');
      const fraction = /\.\d{3}(\d+)/.exec(value)?.[1];
      const micros =
        (millis - EPOCH) * 1000 + (fraction === undefined ? 0 : Math.round(Number(`0.${fraction}`) * 1000));
      room(12);
      put32(8);
      const hi = Math.floor(micros / HALF);
      put32(hi);
      put32(micros - hi * HALF);
    },
    /** @param value YYYY-MM-DD */
    date(value: string) {
      const millis = Date.parse(`${value}T00:00:00Z`);
      if (Number.isNaN(millis)) throw new Error('not a date');
      room(8);
      put32(4);
      put32((millis - EPOCH) / DAY);
    },
    jsonb(value: string) {
      room(5 + value.length * 3);
      const length = buffer.write(value, at + 5);
      put32(length + 1);
      buffer[at++] = 1;
      at += length;
    },
    text(value: string) {
      room(4 + value.length * 3);
      putText(value);
    },
    /** Texts that follow each other in one field. */
    joined(parts: readonly string[]) {
      let most = 4;
      for (const part of parts) most += part.length * 3;
      room(most);
      const start = at;
      at += 4;
      for (const part of parts) at += buffer.write(part, at);
      const end = at;
      at = start;
      put32(end - start - 4);
      at = end;
    },
    hex(value: string) {
      room(4 + value.length / 2);
      put32(value.length / 2);
      at += buffer.write(value, at, 'hex');
    },
    int2Array(values: readonly number[]) {
      room(24 + values.length * 6);
      arrayHead(values.length, values.length === 0 ? 12 : 20 + values.length * 6, OID.int2);
      for (const value of values) {
        put32(2);
        put16(value);
      }
    },
    /** @param halves upper and lower half of each value in turn */
    int8Array(halves: readonly number[]) {
      const length = halves.length / 2;
      room(24 + length * 12);
      arrayHead(length, length === 0 ? 12 : 20 + length * 12, OID.int8);
      for (let i = 0; i < halves.length; i += 2) {
        put32(8);
        put32(halves[i] ?? 0);
        put32(halves[i + 1] ?? 0);
      }
    },
    bigintArray(values: readonly bigint[]) {
      room(24 + values.length * 12);
      arrayHead(values.length, values.length === 0 ? 12 : 20 + values.length * 12, OID.int8);
      for (const value of values) {
        put32(8);
        at = buffer.writeBigInt64BE(value, at);
      }
    },
    point(x: number, y: number) {
      room(20);
      put32(16);
      putFloat(x);
      putFloat(y);
    },
    /** The box around a ring: its upper right corner, then the lower left one. */
    boundsOf(ring: Ring) {
      room(36);
      put32(32);
      for (const most of [Math.max, Math.min])
        for (const i of [0, 1] as const) putFloat(ring.reduce((best, p) => most(best, p[i]), ring[0]?.[i] ?? 0));
    },
    polygon(ring: Ring) {
      room(4 + polygonBytes(ring));
      putPolygon(ring);
    },
    polygonArray(rings: readonly Ring[]) {
      const bytes = rings.reduce((sum, ring) => sum + 4 + polygonBytes(ring), rings.length === 0 ? 12 : 20);
      room(24 + bytes);
      arrayHead(rings.length, bytes, OID.polygon);
      for (const ring of rings) putPolygon(ring);
    },
    textArray(values: readonly string[]) {
      let most = 24;
      for (const value of values) most += 4 + value.length * 3;
      room(most);
      const start = at;
      arrayHead(values.length, 0, OID.text);
      for (const value of values) putText(value);
      // how long it is, is known now
      const end = at;
      at = start;
      put32(end - start - 4);
      at = end;
    },
    /** The bytes of all rows, with the trailer of a whole COPY. Nothing can be added afterwards. */
    finish(): Buffer<ArrayBuffer>[] {
      if (isWhole) {
        room(2);
        put16(-1);
      }
      if (at > 0) full.push(buffer.subarray(0, at));
      return full;
    },
  };
}
