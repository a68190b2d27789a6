// Records on their way into the store: lines that are known as they are cost a hash and a key; the others are read. What was
// gathered is written together with the position, so a harvest that dies goes on from its last page.
import { hash } from 'node:crypto';
import { PEER_CONTENT_VERSION } from '../../../src/fhir/canonical.ts';
import { isObject, type Resource } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import type { Queryable, Sql } from '../../../src/store/database.ts';
import { mergedId, variantId } from '../ids.ts';
import { HarvestFault } from '../reasons.ts';
import { type RecordContext, readRecord } from '../record.ts';
import { type Counters, type Position, saveCounters, savePosition } from '../store/run.ts';
import {
  CONTENT_IDS,
  copyIncoming,
  type Incoming,
  insertGone,
  markKnown,
  notePage,
  takeContentIds,
} from '../store/stage.ts';

const BATCH = 2000;

/** 64 bits of a line, and of the version of the canonical form: a new version reads every line again. */
export function lineHash(text: string): bigint {
  const bytes = hash('sha1', text, 'buffer');
  return BigInt.asIntN(64, bytes.readBigInt64LE(0) + BigInt(PEER_CONTENT_VERSION));
}

/** `seq` tells which of two came later, deletions included. */
type Line = { type: DirectoryType; text: string; hash: bigint; seq: number; resource: Resource | undefined };

export type StageOptions = {
  /** a dedicated client */
  sql: Sql;
  run: string;
  peer: string;
  context: RecordContext;
  position: Position;
  alive: () => boolean;
  /** so many records of one run, and no more */
  most: number;
};

export class Stage {
  readonly options: StageOptions;
  readonly counters = new Map<number, Counters>();
  #lines: Line[] = [];
  #gone: { type: number; seq: number; key: string }[] = [];
  #seq: number;

  constructor(options: StageOptions) {
    this.options = options;
    this.#seq = options.position.seq ?? 0;
  }

  count(type: DirectoryType, name: string, by = 1): void {
    const id = TYPE_IDS[type];
    const all = this.counters.get(id) ?? {};
    all[name] = (all[name] ?? 0) + by;
    this.counters.set(id, all);
  }

  /** The counters that an earlier process left. */
  resume(type: number, counters: Counters): void {
    this.counters.set(type, { ...counters });
  }

  /**
   * Takes one record as text. Write with {@link flush} when `isFull`.
   * @param type of its file or page
   * @param resource the text parsed, when it is at hand
   */
  add(type: DirectoryType, text: string, resource?: Resource): void {
    this.count(type, 'read');
    this.#lines.push({ type, text, hash: lineHash(text), seq: this.#take(), resource });
  }

  /** A line that cannot be read: counted, never silently passed over. */
  damaged(type: DirectoryType): void {
    this.count(type, 'read');
    this.count(type, 'damaged');
  }

  /** A deletion that the peer tells. @param id at the peer */
  delete(type: DirectoryType, id: string): void {
    this.count(type, 'deletions');
    this.#gone.push({ type: TYPE_IDS[type], seq: this.#take(), key: `${type}/${mergedId(this.options.peer, id)}` });
  }

  get isFull(): boolean {
    return this.#lines.length >= BATCH;
  }

  #take(): number {
    const seq = this.#seq++;
    this.options.position.seq = this.#seq;
    return seq;
  }

  #content = { next: 0n, left: 0 };

  /** Ids for so many texts, one after the other. */
  async #contents(sql: Queryable, count: number): Promise<bigint> {
    if (count > this.#content.left) this.#content = { next: await takeContentIds(sql), left: CONTENT_IDS };
    const first = this.#content.next;
    this.#content = { next: first + BigInt(count), left: this.#content.left - count };
    return first;
  }

  #running: Promise<unknown> | undefined;

  /** Writes a full batch while the next one is read; one at a time. A fault shows at the next call. */
  async flushSoon(): Promise<void> {
    await this.#running;
    this.#running = this.#write();
    this.#running.catch(() => {}); // judged by whoever waits for it next
  }

  /**
   * Writes what was gathered, and the position.
   * @param page of a sweep: hashes of its address and of its ids
   * @returns false when the page came before
   * @throws HarvestFault when the peer was switched off, or another process has taken over
   */
  async flush(
    page?: { type: DirectoryType; pass: number; hashes: bigint[] },
    evidence = 'deleted in its files',
  ): Promise<boolean> {
    await this.#running;
    this.#running = undefined;
    return await this.#write(page, evidence);
  }

  async #write(
    page?: { type: DirectoryType; pass: number; hashes: bigint[] },
    evidence = 'deleted in its files',
  ): Promise<boolean> {
    const { sql, run, peer, position } = this.options;
    const lines = this.#lines;
    const gone = this.#gone;
    this.#lines = [];
    this.#gone = [];
    if (!this.options.alive()) throw new HarvestFault('peer-switched-off', 'stopped');
    if (lines.length > 0 && this.#seq > this.options.most)
      throw new HarvestFault('endless', `${this.options.most} records`);
    return (await sql.begin(async (tx) => {
      if (page && !(await notePage(tx, run, TYPE_IDS[page.type], page.pass, page.hashes))) return false;
      for (const type of DIRECTORY_TYPES) {
        const of = lines.filter((l) => l.type === type);
        if (of.length === 0) continue;
        const unknown = await markKnown(tx, { run, peer, type: TYPE_IDS[type] }, of);
        this.count(type, 'staged', of.length - unknown.length);
        const rows: Incoming[] = [];
        for (const at of unknown) {
          const line = of[at];
          const row = line && this.#read(line);
          if (row) rows.push(row);
        }
        await copyIncoming(sql, tx, run, rows, await this.#contents(tx, rows.length));
      }
      await insertGone(tx, run, gone, evidence);
      // one after the other, sent at once
      const [, on] = await Promise.all([saveCounters(tx, run, this.#changed()), savePosition(tx, run, position)]);
      if (!on) throw new HarvestFault('peer-switched-off');
      return true;
    })) as boolean;
  }

  readonly #saved = new Map<number, string>();

  /** Counters that differ from what was written last. A write that is undone is not written again: its run fails. */
  #changed(): Map<number, Counters> {
    const changed = new Map<number, Counters>();
    for (const [type, counters] of this.counters) {
      const text = JSON.stringify(counters);
      if (this.#saved.get(type) === text) continue;
      this.#saved.set(type, text);
      changed.set(type, { ...counters });
    }
    return changed;
  }

  #read(line: Line): Incoming | undefined {
    const { peer, context } = this.options;
    const resource = line.resource ?? parse(line.text);
    if (resource === undefined || isUnstorable(line.text, resource)) {
      this.count(line.type, 'damaged');
      return undefined;
    }
    const read = readRecord(resource, context);
    if ('leftOut' in read) {
      this.count(line.type, ['no-id', 'no-type', 'too-deep'].includes(read.leftOut) ? 'damaged' : read.leftOut);
      return undefined;
    }
    if (read.type !== line.type) {
      // a record in the wrong file: it is of the type that it says
      this.count(line.type, 'wrong-type');
      return undefined;
    }
    for (const style of read.npiStyles) this.count(line.type, `npi-style-${style}`);
    this.count(line.type, 'staged');
    const baseKey = `${read.type}/${mergedId(peer, read.id)}`;
    const variant = `${read.type}/${variantId(peer, read.id, read.hash)}`;
    return {
      type: TYPE_IDS[read.type],
      seq: line.seq,
      baseKey,
      variant: variant === `${baseKey}.v${read.hash.slice(0, 8)}` ? '' : variant,
      sourceId: read.id,
      hash: read.hash,
      lineHash: line.hash,
      state: read.state,
      flags: read.flags,
      updated: read.updated,
      findings: read.findings,
      names: read.names,
      raw: line.text,
    };
  }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** U+0000 and halves of characters cannot be kept by the database; one such record must not stop the others. */
function isUnstorable(text: string, resource: unknown): boolean {
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return false;
  return text.includes('\\u0000') || /\\ud[89a-f]/.test(JSON.stringify(resource));
}
