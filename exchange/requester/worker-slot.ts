// A slot is for work that goes on. What waits on its payer, such as a file that comes slowly, keeps the slot for a minute; then it goes
// on beside the slots, so that no payer, nor many of them, keeps others waiting. What it takes is a connection
// and its buffers.

/** For so long, in milliseconds, work holds its slot. A file that comes too slowly is reported by then (`slowWindowMs`). */
export const SLOT_MS = 60_000;

/** As many as this go on beside each slot, as each has a connection and its buffers; then their slots wait for them after all. */
const DETACHED_PER_SLOT = 16;

/** What goes on beside the slots, and what of it is whose. */
export class DetachedWork<Name> {
  readonly #going = new Map<Promise<unknown>, Name>();
  readonly #slotMs: number;
  readonly #most: number;
  readonly #broke: (error: unknown) => void;

  /**
   * @param slots beside which it goes on; `broke`: called with an error of work that had left its slot; `slotMs`: for
   * how long work holds its slot
   */
  constructor(slots: number, broke: (error: unknown) => void, slotMs = SLOT_MS) {
    this.#broke = broke;
    this.#slotMs = slotMs;
    this.#most = slots * DETACHED_PER_SLOT;
  }

  /** Whose work goes on beside the slots. */
  get names(): Name[] {
    return [...this.#going.values()];
  }

  /**
   * Waits for work, as long as it may hold its slot.
   * @param name whose it is; undefined, then and later: it holds its slot to its end
   * @returns what the work returns, or true when it goes on beside the slots
   * @throws what the work throws while it holds its slot
   */
  async hold(work: Promise<boolean>, name: () => Name | undefined): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((done) => {
      timer = setTimeout(() => done('late'), this.#slotMs);
    });
    const first = await Promise.race([work, late]).finally(() => clearTimeout(timer));
    if (first !== 'late') return first;
    const whose = name();
    if (whose === undefined || this.#going.size >= this.#most) return work;
    const going: Promise<void> = work
      .then(() => {}, this.#broke)
      .finally(() => {
        this.#going.delete(going);
      });
    this.#going.set(going, whose);
    return true;
  }

  /** The end of all that goes on. */
  async over(): Promise<void> {
    await Promise.all(this.#going.keys());
  }
}
