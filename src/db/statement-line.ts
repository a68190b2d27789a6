// A database connection that runs statements and gives their rows as the bytes that came. The driver opens it and tells the server
// who we are; then it is ours. For each statement the driver makes a promise of its own kind, looks its text up among object keys, and
// makes an object for each message and each column: that is more than half of what a search costs it. What is asked in one
// moment goes out in one packet, and is answered in turn.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
import type { Socket } from 'node:net';
import { givingUp } from './cancel-statement.ts';
import { isTimeout } from './failure.ts';
import type { Take } from './postgres-socket.ts';
import { PLAN_WITH_VALUES, type RawRows, rowsOf } from './raw-rows.ts';
import type { RequestDeadline } from './request-deadline.ts';
import { MOST_KEPT } from './search-plans.ts';
import { type Fault, HEAD, READY, readAnswer, uint32 } from './statement-answer.ts';
import { Outgoing } from './statement-messages.ts';

/** An error that the server reports, or that the connection is lost. The message may quote values: it is for no one's log. */
class StatementError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** An open connection that no one else writes to or reads from; what comes is given to `take`. */
export type Channel = {
  socket: Socket;
  take(take: Take): void;
  /** asks the server to end what it is doing here; resolves when it has been asked. Undefined where it has not said how */
  cancel?(): Promise<void> | undefined;
};

export type StatementLine = {
  /** statements under way */
  waiting(): number;
  /** when the statement in turn became the first, in milliseconds of `performance.now()` */
  since(): number;
  /**
   * @param prepare keep the statement on this connection; otherwise it is planned with these values
   * @param deadline that it is a part of: when that is over it is given up, and the server asked to cancel
   * @throws StatementError; what the driver throws when it cannot connect; Outcome when its request deadline is over
   */
  run(text: string, values: readonly string[], prepare: boolean, deadline?: RequestDeadline): Promise<RawRows>;
  /**
   * The same within a transaction, in pages: who stops early leaves the rest. Nothing else may be asked meanwhile. The statement is kept.
   * @param first rows of the first page
   * @param bytes that a further page has, as rows have been large so far
   */
  pages(
    text: string,
    values: readonly (string | null)[],
    first: number,
    bytes: number,
  ): AsyncGenerator<RawRows, void, void>;
  /** waits for what is under way */
  close(): Promise<void>;
};

/** `isSuspended`: there are further rows. `size`: bytes of these. */
type Answer = RawRows & { isSuspended: boolean; size: number };

type Asked = {
  text: string;
  values: readonly (string | null)[];
  /** rows; 0 for all */
  most: number;
  /** further rows of the one before */
  goesOn: boolean;
  prepare: boolean;
  /** under which the server was to keep it */
  name: string;
  /** the server has received its text, and has taken it */
  parses: boolean;
  parsed: boolean;
  again: boolean;
  deadline: RequestDeadline | undefined;
  /** no one waits for its answer */
  isGivenUp: boolean;
  resolve(rows: Answer): void;
  reject(error: unknown): void;
};

/** The server does not know the statement any more, or its columns have changed: it is sent once more. */
const AGAIN = new Set(['FetchPreparedStatement', 'RevalidateCachedQuery']);

const closed = () => new StatementError('CONNECTION_CLOSED', 'The connection to the database was closed.');

/** Longest wait of who closes for what is under way. */
export const CLOSE_MS = 5000;

/** `open` makes one when there is something to ask and none is open, unless `abandon` ends that; `close` ends it. */
export type Connection = { open(): Promise<Channel>; abandon(error: Error): void; close(): Promise<void> };

/**
 * @param silentMs after which the statement in turn and the connection are given up, be it one that is not open yet: longer than the
 *   server lets any run. A server that has vanished, or a way to it that forgets, tells no one, and the system would try for a quarter
 *   of an hour; the driver stops waiting for an answer once it is connected
 */
export function statementLine(connection: Connection, silentMs?: number): StatementLine {
  /** in the order of their answers; before the connection is open, those that are to be sent */
  let under: Asked[] = [];
  let since = 0;
  let socket: Socket | undefined;
  let isOpening = false;
  /** names by text, the one used last at the end; who asks says which are kept (search-plans.ts) */
  let prepared = new Map<string, string>();
  let names = 0;
  let scanned = 0;
  let flushing: NodeJS.Immediate | undefined;
  let drained: (() => void) | undefined;
  let watching: NodeJS.Timeout | undefined;
  let channel: Channel | undefined;
  const unwanted = givingUp<Asked>(
    () => under,
    () => since,
    () => (socket === undefined ? undefined : channel?.cancel?.()),
  );
  const outgoing = new Outgoing();

  const flush = (): void => {
    flushing = undefined;
    if (socket !== undefined && outgoing.length > 0) outgoing.writeTo(socket);
  };

  function send(asked: Asked): void {
    flushing ??= setImmediate(flush);
    if (asked.goesOn) {
      outgoing.goOn(asked.most);
      return;
    }
    const known = asked.prepare ? prepared.get(asked.text) : undefined;
    const name = asked.prepare ? (known ?? `s${++names}`) : '';
    asked.name = name;
    asked.parses = known === undefined;
    if (asked.prepare && asked.parses) makeRoom();
    const before = outgoing.length;
    try {
      if (!asked.prepare) outgoing.before(PLAN_WITH_VALUES);
      if (asked.parses) outgoing.parse(name, asked.text);
      outgoing.execute(name, asked.values, asked.most);
    } catch (error) {
      outgoing.cut(before);
      throw error;
    }
    if (asked.prepare) {
      prepared.delete(asked.text);
      prepared.set(asked.text, name);
    }
  }

  /** Of too many the statement that has not been used for longest is closed. */
  function makeRoom(): void {
    if (prepared.size < MOST_KEPT) return;
    for (const [oldest, closing] of prepared) {
      prepared.delete(oldest);
      outgoing.close(closing);
      break;
    }
  }

  /** Looks at the statement in turn when it could have taken too long. */
  function watch(after: number): void {
    if (silentMs === undefined || watching !== undefined) return;
    watching = setTimeout(() => {
      watching = undefined;
      if (under.length === 0) return;
      const left = silentMs - (performance.now() - since);
      if (left <= 0 && socket !== undefined) socket.destroy();
      else if (left <= 0 && isOpening) connection.abandon(closed());
      watch(left > 0 ? left : silentMs);
    }, after).unref();
  }

  function lost(error: unknown): void {
    socket = undefined;
    unwanted.forget();
    clearImmediate(flushing);
    flushing = undefined;
    outgoing.cut(0);
    prepared = new Map();
    scanned = 0;
    const all = under;
    under = [];
    for (const asked of all) asked.reject(error);
    drained?.();
  }

  /** One answer, from its first message to the last. */
  function settle(memory: Buffer, from: number, to: number): void {
    const asked = under.shift();
    const now = performance.now();
    if (asked?.deadline && !asked.isGivenUp) asked.deadline.took += now - since;
    since = now;
    if (asked === undefined) return;
    const { fault, isParsed, isSuspended, begin, end, places, rows } = readAnswer(memory, from, to);
    if (isParsed) asked.parsed = true;
    if (fault !== undefined) failed(asked, fault);
    else if (!asked.isGivenUp)
      asked.resolve({ ...rowsOf(memory, begin, end, places, rows), isSuspended, size: end - begin });
    unwanted.settled(asked);
    if (under.length === 0) drained?.();
  }

  /** Unless it was sent under another name meanwhile. */
  function forget({ text, name }: Asked): void {
    if (prepared.get(text) !== name) return;
    prepared.delete(text);
    outgoing.close(name);
  }

  function failed(asked: Asked, { code, message, routine }: Fault): void {
    if (asked.prepare && asked.parses && !asked.parsed) forget(asked);
    const error = new StatementError(code, message);
    const isForgotten = asked.prepare && !asked.parses && AGAIN.has(routine);
    // the one before it was to end
    const isMistaken = unwanted.mayBeMistaken() && isTimeout(error);
    if (!asked.again && !asked.isGivenUp && (isForgotten || isMistaken)) {
      if (isForgotten) forget(asked);
      asked.again = true;
      send(asked);
      under.push(asked);
    } else asked.reject(error);
  }

  const take: Take = (memory, from, to) => {
    let begin = from;
    let at = from + scanned;
    while (to - at >= HEAD) {
      const after = at + 1 + uint32(memory, at + 1);
      if (after > to) break;
      if (memory[at] === READY) {
        settle(memory, begin, after);
        begin = after;
      }
      at = after;
    }
    scanned = at - begin;
    return begin;
  };

  async function open(): Promise<void> {
    isOpening = true;
    try {
      channel = await connection.open();
      if (channel.socket.destroyed) throw closed();
      socket = channel.socket;
      socket.once('close', () => lost(closed()));
      channel.take(take);
      since = performance.now();
      for (const asked of under) send(asked);
    } catch (error) {
      lost(error);
    } finally {
      isOpening = false;
    }
  }

  const ask = (what: Pick<Asked, 'text' | 'values' | 'prepare' | 'most' | 'goesOn' | 'deadline'>) =>
    new Promise<Answer>((resolve, reject) => {
      if (under.length === 0) since = performance.now();
      const state = { name: '', parses: false, parsed: false, again: false, isGivenUp: false };
      const asked: Asked = { ...what, ...state, resolve, reject };
      // what cannot be written is refused before it has a turn: the answers of others would be taken for its own
      if (socket !== undefined) send(asked);
      under.push(asked);
      if (socket === undefined && !isOpening) void open();
      if (silentMs !== undefined) watch(silentMs);
      if (what.deadline !== undefined) unwanted.watch();
    });

  return {
    waiting: () => under.length,
    since: () => since,
    run: (text, values, prepare, deadline) => ask({ text, values, prepare, most: 0, goesOn: false, deadline }),
    async *pages(text, values, first, bytes) {
      let most = first;
      for (let goesOn = false; ; goesOn = true) {
        const rows = await ask({ text, values, prepare: true, most, goesOn, deadline: undefined });
        yield rows;
        if (!rows.isSuspended) return;
        most = Math.max(1, Math.min(2 * most, Math.floor(bytes / (rows.size / rows.length))));
      }
    },
    async close() {
      if (under.length > 0)
        await new Promise<void>((done) => {
          const timer = setTimeout(done, CLOSE_MS);
          drained = () => {
            clearTimeout(timer);
            done();
          };
        });
      await connection.close();
    },
  };
}
