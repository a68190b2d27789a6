// Verifies an evidence pack with nothing but the pack: no database, no network.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createLocalJWKSet, flattenedVerify, type JWK } from 'jose';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { z } from 'zod';
import { AS_IT_IS, canonicalJson } from '../../../src/fhir/canonical.ts';
import { lines } from '../../../src/fhir/ndjson.ts';
import type { Json } from '../../../src/fhir/resource.ts';
import { sealRoot } from '../audit/seal.ts';
import { readHead } from '../audit/verify.ts';
import { PACK_SCHEMA, PACK_TYPE, type PackIndex, zipOf } from './pack.ts';

export type PackVerdict = {
  items: number;
  rows: number;
  seals: number;
  keys: string[];
  index?: PackIndex;
  faults: string[];
};

const MOST_FAULTS = 100;
/** Bytes of a file that is read as a whole. */
const MOST_WHOLE = 64 * 1024 * 1024;
/** Unpacked to packed, of files that are larger: what is written here is at most a tenth of it. */
const MOST_RATIO = 200;

/**
 * Checks signature, every file, and the chain of the audit trail inside.
 * @param pinned public keys that the reader trusts; absent: those in the pack, which prove only that it is of one piece
 */
export async function verifyPack(path: string, pinned?: readonly JWK[]): Promise<PackVerdict> {
  const verdict: PackVerdict = { items: 0, rows: 0, seals: 0, keys: [], faults: [] };
  const fault = (text: string) => {
    if (verdict.faults.length < MOST_FAULTS) verdict.faults.push(text);
  };
  let zip: ZipFile | undefined;
  const entries = new Map<string, Entry>();
  try {
    zip = await openPromise(path, { autoClose: false });
    for await (const entry of zip.eachEntry()) {
      if (entries.has(entry.fileName)) fault(`${entry.fileName} is there twice.`);
      entries.set(entry.fileName, entry);
    }
  } catch (error) {
    fault(
      `${path} is no readable ZIP file: ${(error instanceof Error ? error.message : 'unknown').replace(/\.$/, '')}.`,
    );
    zip?.close();
    return verdict;
  }
  try {
    const text = await wholeOf(zip, entries.get('index.json'));
    const index = text === undefined ? undefined : readIndex(text);
    if (!text || !index) {
      fault('index.json is missing or not readable.');
      return verdict;
    }
    verdict.index = index;
    const keys = pinned ?? (await keysOf(await wholeOf(zip, entries.get('keys.json'))));
    const signed = await readFile(`${path}.jws`, 'utf8').catch(() => undefined);
    if (signed === undefined) fault(`${path}.jws is missing: the pack is not signed.`);
    else {
      const kid = await signer(signed.trim(), text, keys);
      if (kid === undefined) fault('The signature does not hold: index.json was changed, or another key signed it.');
      else verdict.keys = [kid];
    }
    const known = new Set(['index.json', ...index.items.map((i) => i.path)]);
    for (const name of entries.keys()) if (!known.has(name)) fault(`${name} is in the pack and not in its index.`);
    for (const item of index.items) {
      verdict.items++;
      const entry = entries.get(item.path);
      if (!entry) {
        fault(`${item.path} is missing.`);
        continue;
      }
      const found = await hashOf(zip, entry);
      if (found === undefined) fault(`${item.path} cannot be read.`);
      else if (found.sha256 !== item.sha256 || found.bytes !== item.bytes) fault(`${item.path} was changed.`);
    }
    if (verdict.faults.length === 0 && !(await isAsWritten(path, zip, entries, text.toString(), index)))
      fault('The ZIP around the files was changed; no file in it was.');
    const part = (name: string) => entries.get(name);
    await verifyChain(zip, part('audit-seals.jsonl'), part('audit-rows.jsonl'), keys, verdict, fault);
  } finally {
    zip.close();
  }
  return verdict;
}

/** Are the bytes around the files those that are written around them? The same files give the same ZIP. */
async function isAsWritten(
  path: string,
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  text: string,
  index: PackIndex,
): Promise<boolean> {
  const written = zipOf(text, index.items, (item) =>
    Readable.from(
      (async function* () {
        const entry = entries.get(item.path);
        if (entry) yield* await zip.openReadStreamPromise(entry);
      })(),
      { objectMode: false },
    ),
  );
  const [said, made] = [createHash('sha256'), createHash('sha256')];
  for await (const part of createReadStream(path)) said.update(part as Buffer);
  for await (const part of written) made.update(part as Buffer);
  return said.digest('hex') === made.digest('hex');
}

async function wholeOf(zip: ZipFile, entry: Entry | undefined): Promise<Buffer | undefined> {
  if (!entry || entry.uncompressedSize > MOST_WHOLE) return undefined;
  try {
    const parts: Buffer[] = [];
    for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer);
    return Buffer.concat(parts);
  } catch {
    return undefined;
  }
}

/** Does it unpack to far more than rows of a trail do? Anyone may have made it. */
const isBomb = ({ uncompressedSize, compressedSize }: Entry): boolean =>
  uncompressedSize > MOST_WHOLE && uncompressedSize > compressedSize * MOST_RATIO;

async function hashOf(zip: ZipFile, entry: Entry): Promise<{ sha256: string; bytes: number } | undefined> {
  if (isBomb(entry)) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const part of await zip.openReadStreamPromise(entry)) {
      hash.update(part as Buffer);
      bytes += (part as Buffer).length;
    }
  } catch {
    return undefined;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** What is read of index.json before its signature has been judged: anyone may have written it. */
const INDEX = z.object({
  schema: z.literal(PACK_SCHEMA),
  plan: z.object({ name: z.string(), npi: z.string() }),
  period: z.object({ first: z.string(), last: z.string() }),
  asOf: z.string(),
  items: z.array(z.object({ path: z.string(), bytes: z.number(), sha256: z.string() })),
});

function readIndex(text: Buffer): PackIndex | undefined {
  try {
    const parsed = JSON.parse(text.toString('utf8')) as Json;
    return INDEX.safeParse(parsed).success ? (parsed as unknown as PackIndex) : undefined;
  } catch {
    return undefined;
  }
}

async function keysOf(text: Buffer | undefined): Promise<JWK[]> {
  try {
    return (JSON.parse(text?.toString('utf8') ?? '{}') as { keys?: JWK[] }).keys ?? [];
  } catch {
    return [];
  }
}

/** The kid whose key signed; undefined when none did. */
async function signer(detached: string, payload: Buffer, keys: readonly JWK[]): Promise<string | undefined> {
  const [header = '', empty, signature = ''] = detached.split('.');
  if (empty !== '') return undefined;
  try {
    const { protectedHeader } = await flattenedVerify(
      { protected: header, payload: payload.toString('base64url'), signature },
      createLocalJWKSet({ keys: [...keys] }),
      { algorithms: ['ES384'] },
    );
    return protectedHeader?.typ === PACK_TYPE ? (protectedHeader.kid ?? '') : undefined;
  } catch {
    return undefined;
  }
}

type Seal = { id: number; seqs: (number | string)[]; prev: string; root: string; jws: string };

async function* objectsOf<T>(zip: ZipFile, entry: Entry): AsyncGenerator<T> {
  for await (const line of lines(await zip.openReadStreamPromise(entry)))
    if ('text' in line) yield JSON.parse(line.text) as T;
}

/** Rows and seals go side by side, so that the size of the trail does not matter. */
async function verifyChain(
  zip: ZipFile,
  seals: Entry | undefined,
  rows: Entry | undefined,
  keys: readonly JWK[],
  verdict: PackVerdict,
  fault: (text: string) => void,
): Promise<void> {
  if (!seals || !rows) return;
  let before: Seal | undefined;
  const row = objectsOf<Record<string, Json>>(zip, rows);
  try {
    for await (const seal of objectsOf<Seal>(zip, seals)) {
      verdict.seals++;
      if (before && (seal.id !== before.id + 1 || seal.prev !== before.root))
        fault(`Seal ${seal.id} does not continue the one before it.`);
      before = seal;
      const head = await readHead(seal.jws, keys);
      if (head?.id !== seal.id || head.root !== seal.root || head.prev !== seal.prev)
        fault(`The signature of seal ${seal.id} does not hold.`);
      const sealed: { seq: bigint; hash: Uint8Array }[] = [];
      for (const seq of seal.seqs) {
        const { value } = await row.next();
        if (!value || String(value['seq']) !== String(seq)) {
          fault(`Row ${seq} of the audit trail is missing.`);
          return;
        }
        verdict.rows++;
        const { seq: _, hash, ...rest } = value;
        const computed = createHash('sha256').update(canonicalJson(rest, AS_IT_IS)).digest('hex');
        if (computed !== hash) fault(`Row ${seq} of the audit trail was changed.`);
        sealed.push({ seq: BigInt(seq), hash: Buffer.from(String(hash), 'hex') });
      }
      if (sealRoot(seal.prev, sealed) !== seal.root) fault(`The root of seal ${seal.id} is not that of its rows.`);
    }
  } catch (error) {
    fault(`The audit trail in the pack is not readable: ${error instanceof Error ? error.message : 'unknown'}.`);
  }
}
