// A lane is for work that goes on. What waits on its payer, such as a file that comes slowly, keeps the lane for a minute; then it goes
// on beside the lanes, so that no payer, nor many of them, keeps others waiting. What it takes is a connection
// and its buffers.

/** For so long, in milliseconds, work holds its lane. A file that comes too slowly is told by then (`slowWindowMs`). */
export const LANE_MS = 60_000;

/** As many as this go on beside each lane, as each has a connection and its buffers; then their lanes wait for them after all. */
const BESIDE_A_LANE = 16;

/** What goes on beside the lanes, and what of it is whose. */
export class BesideLanes<Name> {
  readonly #going = new Map<Promise<unknown>, Name>();
  readonly #laneMs: number;
  readonly #most: number;
  readonly #broke: (error: unknown) => void;

  /** @param lanes beside which it goes on; `broke`: told of an error of work that had left its lane; `laneMs`: for how long work holds its lane */
  constructor(lanes: number, broke: (error: unknown) => void, laneMs = LANE_MS) {
    this.#broke = broke;
    this.#laneMs = laneMs;
    this.#most = lanes * BESIDE_A_LANE;
  }

  /** Whose work goes on beside the lanes. */
  get names(): Name[] {
    return [...this.#going.values()];
  }

  /**
   * Waits for work, as long as it may hold its lane.
   * @param name whose it is; undefined, then and later: it holds its lane to its end
   * @returns what the work returns, or true when it goes on beside the lanes
   * @throws what the work throws while it holds its lane
   */
  async hold(work: Promise<boolean>, name: () => Name | undefined): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((done) => {
      timer = setTimeout(() => done('late'), this.#laneMs);
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
