// Records on their way into the store: lines that are known as they are cost a hash and a key; the others are read. What was
// gathered is written together with the position, so a harvest that dies goes on from its last page.
import { crc32 } from 'node:zlib';
import type { Queryable, Sql } from '../../../src/db/database.ts';
import type { Threads } from '../../../src/deps.ts';
import type { Block } from '../../../src/fhir/ndjson.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { mergedId } from '../ids.ts';
import { HarvestFault } from '../reasons.ts';
import type { RecordContext } from '../record.ts';
import { type LineReader, lineReader } from './line-reader.ts';
import { type Line, lineHash, readLine } from './read-line.ts';
import { type Counters, type FilePart, type Position, saveCounters, savePosition } from './run-rows.ts';
import { copyStaged, type Incoming, insertGone, markKnown, notePage, stagedRows } from './stage-rows.ts';
import { takeIds, type WriteSlot, WriteSlots } from './write-slots.ts';

const BATCH = 2000;
const NOTHING: FilePart = { bytes: 0, crc: 0, records: 0, faults: 0 };

export type StageOptions = {
  /** opens a client of its own for copying; {@link Stage.end} ends it */
  client: () => Promise<Sql>;
  threads?: Threads | undefined;
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
  readonly #reader: LineReader;
  readonly #slots: WriteSlots;

  constructor(options: StageOptions) {
    this.options = options;
    this.#seq = options.position.seq ?? 0;
    const { run, peer, context } = options;
    this.#reader = lineReader(options.threads, { run, peer, context });
    this.#slots = new WriteSlots(options.client);
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
   * A file begins, or begins again, in this process or after another one.
   * @returns what of it is written; else what was counted of it is forgotten, and it is read from its beginning
   * @throws the fault that kept a file before it from being written
   */
  async beginFile(): Promise<FilePart | undefined> {
    const { position } = this.options;
    const fault = await this.#slots.idle();
    if (this.#unwritten > 0) throw fault?.error ?? new Error('A file before this one has not been written.');
    // what a fault kept from being written is read again
    if (fault) delete position.part;
    this.#lines = [];
    this.#gone = [];
    const { counted, part } = position;
    this.#read = part ?? NOTHING;
    if (part) return part;
    if (counted === undefined) this.#countFrom();
    else for (const type of this.counters.keys()) this.resume(type, counted[type] ?? {});
    return undefined;
  }

  /** What is counted now is what the file before has left. */
  #countFrom(): void {
    this.options.position.counted = Object.fromEntries(
      [...this.counters].map(([type, counters]) => [type, { ...counters }]),
    );
  }

  /** What was written of the file is of another one. */
  dropPart(): void {
    delete this.options.position.part;
  }

  /** The file has been read; call {@link flush} next. @returns what its blocks held */
  endFile(): FilePart {
    const { position } = this.options;
    const { part } = position;
    delete position.counted;
    delete position.part;
    return part ?? NOTHING;
  }

  /** Files that were handed over, and are not written yet. */
  #unwritten = 0;

  /**
   * All blocks of a file have been handed over, and those of the next one in order follow; {@link beginFile} is not called for it.
   * @param ended once the file is written: what its blocks held
   */
  async nextFile(ended: (blocks: FilePart) => void): Promise<void> {
    this.#read = NOTHING;
    this.#unwritten++;
    await this.#slots.begin(async (slot, before) => {
      await before;
      ended(this.endFile());
      this.options.position.file = (this.options.position.file ?? 0) + 1;
      this.#countFrom();
      await slot.sql.begin((tx) => this.#save(tx));
      this.#unwritten--;
    });
  }

  /** Of the file, as far as it was handed over. */
  #read = NOTHING;

  /**
   * Takes one record as text. Write with {@link flush} when `isFull`.
   * @param type of its file or page
   * @param resource the text parsed, when it is at hand
   */
  add(type: DirectoryType, text: string, resource?: Resource): void {
    this.count(type, 'read');
    this.#lines.push({ type, text, hash: lineHash(text), seq: this.#take(), resource });
  }

  /** Takes the lines of a block of a file, which is used up. They are written while the next ones are read; a fault shows at a later call. */
  async addBlock(type: DirectoryType, block: Block): Promise<void> {
    const seq = this.#take(block.lines);
    const { bytes, crc } = this.#read;
    const end = { bytes: bytes + block.bytes.length, crc: crc32(block.bytes, crc) };
    this.#read = { ...this.#read, ...end };
    await this.#slots.begin(async (slot, before) => {
      const { block: back, hashes, faults } = await this.#reader.hash(block);
      const records = hashes.length + faults;
      this.#check(records);
      await slot.sql.begin(async (tx) => {
        const { run, peer, position } = this.options;
        const unknown = await markKnown(tx, { run, peer, type: TYPE_IDS[type], seq }, hashes);
        const found: [string, number][] = [
          ['read', records],
          ['damaged', faults],
          ['staged', hashes.length - unknown.length],
        ];
        if (unknown.length > 0) {
          const ids = await takeIds(slot, tx, unknown.length);
          const { rows, counts } = await this.#reader.read({ type, block: back, unknown, hashes, seq, ids });
          found.push(...Object.entries(counts));
          await copyStaged(slot.sql, tx, rows);
        }
        await before;
        for (const [name, n] of found) if (n > 0) this.count(type, name, n);
        const part = position.part ?? NOTHING;
        position.part = { ...end, records: part.records + records, faults: part.faults + faults };
        await this.#save(tx);
      });
    });
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

  #take(count = 1): number {
    const seq = this.#seq;
    this.#seq += count;
    this.options.position.seq = this.#seq;
    return seq;
  }

  /** Writes a full batch while the next one is read. A fault shows at a later call. */
  async flushSoon(): Promise<void> {
    const batch = this.#gathered();
    await this.#slots.begin(async (slot, before) => void (await this.#write(slot, before, batch)));
  }

  /**
   * Writes what was gathered, and the position.
   * @param page of a sweep: hashes of its address and of its ids
   * @returns false when the page came before
   * @throws HarvestFault when the peer was switched off, or another process has taken over
   */
  async flush(page?: Page, evidence?: string): Promise<boolean> {
    await this.#slots.settled();
    const batch = this.#gathered();
    let isNew = true;
    await this.#slots.begin(async (slot, before) => {
      isNew = await this.#write(slot, before, batch, page, evidence);
    });
    await this.#slots.settled();
    return isNew;
  }

  /** Ends its clients and threads. What was begun is waited for; its faults no longer matter. */
  async end(): Promise<void> {
    await this.#slots.idle();
    this.#reader.close();
    await this.#slots.end();
  }

  #gathered(): Batch {
    const batch = { lines: this.#lines, gone: this.#gone };
    this.#lines = [];
    this.#gone = [];
    return batch;
  }

  /** @param lines to be written: what was read before the limit still counts */
  #check(lines: number): void {
    if (!this.options.alive()) throw new HarvestFault('peer-switched-off', 'stopped');
    if (lines > 0 && this.#seq > this.options.most) throw new HarvestFault('endless', `${this.options.most} records`);
  }

  async #write(
    slot: WriteSlot,
    before: Promise<void>,
    { lines, gone }: Batch,
    page?: Page,
    evidence = 'deleted in its files',
  ): Promise<boolean> {
    const { run, peer } = this.options;
    this.#check(lines.length);
    return (await slot.sql.begin(async (tx) => {
      if (page && !(await notePage(tx, run, TYPE_IDS[page.type], page.pass, page.hashes))) return false;
      for (const type of DIRECTORY_TYPES) {
        const of = lines.filter((l) => l.type === type);
        const seq = of[0]?.seq;
        if (seq === undefined) continue;
        const unknown = await markKnown(
          tx,
          { run, peer, type: TYPE_IDS[type], seq },
          of.map((l) => l.hash),
          of.map((l) => l.seq - seq),
        );
        this.count(type, 'staged', of.length - unknown.length);
        const rows: Incoming[] = [];
        for (const place of unknown) {
          const line = of[place];
          const row = line && readLine(line, this.options, (name, by) => this.count(type, name, by));
          if (row) rows.push(row);
        }
        if (rows.length > 0)
          await copyStaged(slot.sql, tx, stagedRows(run, rows, await takeIds(slot, tx, rows.length)));
      }
      await insertGone(tx, run, gone, evidence);
      await before;
      await this.#save(tx);
      return true;
    })) as boolean;
  }

  /** Counters and position. */
  async #save(tx: Queryable): Promise<void> {
    const { run, position } = this.options;
    // one after the other, sent at once
    const [, on] = await Promise.all([saveCounters(tx, run, this.#changed()), savePosition(tx, run, position)]);
    if (!on) throw new HarvestFault('peer-switched-off');
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
}

type Page = { type: DirectoryType; pass: number; hashes: bigint[] };
type Batch = { lines: Line[]; gone: { type: number; seq: number; key: string }[] };
