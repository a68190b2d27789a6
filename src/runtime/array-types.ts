// Lists as parameters and results without asking the server for its types, which a client that lives for one request cannot
// afford. https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO; type numbers: pg_type.dat.

type Element = string | number | bigint | boolean | Date | Uint8Array | null;

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

function written(value: Element | undefined): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Date) return quoted(value.toISOString());
  if (value instanceof Uint8Array) return quoted(`\\x${Buffer.from(value).toString('hex')}`);
  return String(value);
}

/** One dimension; a text is taken as a literal that is written already. */
const writeArray = (value: unknown): string =>
  Array.isArray(value) ? `{${(value as Element[]).map(written).join(',')}}` : String(value);

/** Elements of a literal of one dimension as the server writes it. */
export function readArray(literal: string): (string | null)[] {
  const found: (string | null)[] = [];
  const inner = literal.slice(1, -1);
  for (let at = 0; at < inner.length; ) {
    if (inner[at] === '"') {
      let text = '';
      for (at++; inner[at] !== '"'; at++) {
        if (inner[at] === '\\') at++;
        text += inner[at] ?? '';
      }
      at++;
      found.push(text);
    } else {
      const end = inner.indexOf(',', at);
      const text = inner.slice(at, end === -1 ? undefined : end);
      found.push(text === 'NULL' ? null : text);
      at += text.length;
    }
    at++; // the comma
  }
  return found;
}

const each =
  <T>(read: (text: string) => T) =>
  (literal: string): (T | null)[] =>
    readArray(literal).map((e) => (e === null ? null : read(e)));
const asIs = each((t) => t);

/** Type numbers of lists, and how their elements are read; as the driver reads single ones. */
const LISTS: readonly [number, (literal: string) => unknown[]][] = [
  [1000, each((t) => t === 't')], // bool[]
  [1005, each(Number)], // int2[]
  [1007, each(Number)], // int4[]
  [1021, each(Number)], // float4[]
  [1022, each(Number)], // float8[]
  [1016, asIs], // int8[]
  [1231, asIs], // numeric[]
  [1009, asIs], // text[]
  [1015, asIs], // varchar[]
  [1002, asIs], // "char"[]
  [2951, asIs], // uuid[]
  [1182, each((t) => new Date(t))], // date[]
  [1115, each((t) => new Date(t))], // timestamp[]
  [1185, each((t) => new Date(t))], // timestamptz[]
  [1001, each((t) => Buffer.from(t.slice(2), 'hex'))], // bytea[]
];

/** For the `types` option of the driver. Lists of booleans, dates and bytes are not recognised as parameters: write a literal. */
export const ARRAY_TYPES = Object.fromEntries(
  LISTS.map(([oid, parse]) => [`list${oid}`, { to: oid, from: [oid], serialize: writeArray, parse }]),
);
