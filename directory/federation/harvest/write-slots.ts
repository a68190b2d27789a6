// Batches that are written at once, each on a client of its own: while one waits for the database, the other is read. What a batch
// says of positions and counts comes after everything before it is written, so a harvest that dies has said nothing too soon.
import type { Queryable, Sql } from '../../../src/db/database.ts';
import { CONTENT_IDS, type Ids, takeContentIds } from './stage-rows.ts';

/** A client that writes, and the ids of texts that it holds. One batch at a time. */
export type WriteSlot = { sql: Sql; ids: Ids };

const SLOTS = 3;

export class WriteSlots {
  readonly #client: () => Promise<Sql>;
  readonly #running = new Set<Promise<void>>();
  readonly #all: WriteSlot[] = [];
  readonly #free: WriteSlot[] = [];
  /** the batch that was begun last */
  #last: Promise<void> = Promise.resolve();
  #fault: { error: unknown } | undefined;

  /** @param client opens one of its own */
  constructor(client: () => Promise<Sql>) {
    this.#client = client;
  }

  /**
   * Begins to write as soon as a slot is free.
   * @param write is notified when everything before it is written
   * @throws the first fault of what was begun before
   */
  async begin(write: (slot: WriteSlot, before: Promise<void>) => Promise<void>): Promise<void> {
    while (this.#running.size >= SLOTS) await Promise.race(this.#running);
    if (this.#fault) await this.settled();
    const before = this.#last;
    const written = this.#on((slot) => write(slot, before));
    this.#last = written;
    const work: Promise<void> = written
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  async #on(write: (slot: WriteSlot) => Promise<void>): Promise<void> {
    let slot = this.#free.pop();
    if (!slot) {
      slot = { sql: await this.#client(), ids: { first: 0n, count: 0 } };
      this.#all.push(slot);
    }
    try {
      await write(slot);
    } finally {
      this.#free.push(slot);
    }
  }

  /** Waits for what was begun. @throws the first fault of it */
  async settled(): Promise<void> {
    const fault = await this.idle();
    if (fault) throw fault.error;
  }

  /** The same. @returns the first fault, if there was one; it is forgotten */
  async idle(): Promise<{ error: unknown } | undefined> {
    await Promise.all(this.#running);
    const fault = this.#fault;
    if (fault) this.#last = Promise.resolve();
    this.#fault = undefined;
    return fault;
  }

  async end(): Promise<void> {
    await Promise.all(this.#all.map(({ sql }) => sql.end({ timeout: 5 })));
  }
}

/** Ids for so many texts. */
export async function takeIds(slot: WriteSlot, sql: Queryable, count: number): Promise<Ids[]> {
  const taken: Ids[] = [];
  for (let wanted = count; wanted > 0; ) {
    if (slot.ids.count === 0) slot.ids = { first: await takeContentIds(sql), count: CONTENT_IDS };
    const now = Math.min(wanted, slot.ids.count);
    taken.push({ first: slot.ids.first, count: now });
    slot.ids = { first: slot.ids.first + BigInt(now), count: slot.ids.count - now };
    wanted -= now;
  }
  return taken;
}
