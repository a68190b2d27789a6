// Batches that are written at once, each on a client of its own: while one waits for the database, the other is read. What a batch
// says of positions and counts comes after everything before it is written, so a harvest that dies has said nothing too soon.
import type { Queryable, Sql } from '../../../src/db/database.ts';
import { CONTENT_IDS, type Ids, takeContentIds } from './stage-rows.ts';

/** A client that writes, and the ids of texts that it holds. One batch at a time. */
export type Lane = { sql: Sql; ids: Ids };

const LANES = 3;

export class Lanes {
  readonly #client: () => Promise<Sql>;
  readonly #running = new Set<Promise<void>>();
  readonly #all: Lane[] = [];
  readonly #free: Lane[] = [];
  /** the batch that was begun last */
  #last: Promise<void> = Promise.resolve();
  #fault: { error: unknown } | undefined;

  /** @param client opens one of its own */
  constructor(client: () => Promise<Sql>) {
    this.#client = client;
  }

  /**
   * Begins to write as soon as a lane is free.
   * @param write is told when everything before it is written
   * @throws the first fault of what was begun before
   */
  async begin(write: (lane: Lane, before: Promise<void>) => Promise<void>): Promise<void> {
    while (this.#running.size >= LANES) await Promise.race(this.#running);
    if (this.#fault) await this.settled();
    const before = this.#last;
    const written = this.#on((lane) => write(lane, before));
    this.#last = written;
    const work: Promise<void> = written
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  async #on(write: (lane: Lane) => Promise<void>): Promise<void> {
    let lane = this.#free.pop();
    if (!lane) {
      lane = { sql: await this.#client(), ids: { first: 0n, count: 0 } };
      this.#all.push(lane);
    }
    try {
      await write(lane);
    } finally {
      this.#free.push(lane);
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
export async function takeIds(lane: Lane, sql: Queryable, count: number): Promise<Ids[]> {
  const taken: Ids[] = [];
  for (let wanted = count; wanted > 0; ) {
    if (lane.ids.count === 0) lane.ids = { first: await takeContentIds(sql), count: CONTENT_IDS };
    const now = Math.min(wanted, lane.ids.count);
    taken.push({ first: lane.ids.first, count: now });
    lane.ids = { first: lane.ids.first + BigInt(now), count: lane.ids.count - now };
    wanted -= now;
  }
  return taken;
}
