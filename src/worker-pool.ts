// Questions for further threads: each goes to the one that has least to do.
import type { Thread, ThreadName, Threads } from './deps.ts';

/** Questions that wait for a thread while it answers one. */
const WAITING = 2;

export type SharedOut = {
  /** Tells every thread something. */
  tell(message: unknown): void;
  /** Asks one thread; undefined when each has enough to do, or there is none. @param moved buffers that go over */
  ask(message: unknown, moved: ArrayBuffer[]): Promise<unknown> | undefined;
  close(): void;
};

/** @param threads absent: there are none, and nothing is asked */
export function sharedOut(threads: Threads | undefined, name: ThreadName, waiting = WAITING): SharedOut {
  const busy = new Map<Thread, number>((threads?.open(name) ?? []).map((t) => [t, 0]));
  const answered = async (thread: Thread, n: number, message: unknown, moved: ArrayBuffer[]) => {
    busy.set(thread, n + 1);
    try {
      return await thread.ask(message, moved);
    } finally {
      busy.set(thread, (busy.get(thread) ?? 1) - 1);
    }
  };
  /** what went wrong in telling: anyone who asks next is given it */
  let untold: { error: unknown } | undefined;
  return {
    tell: (message) => {
      for (const thread of busy.keys())
        thread.ask(message, []).catch((error: unknown) => {
          untold ??= { error };
        });
    },
    ask(message, moved) {
      if (untold) return Promise.reject(untold.error);
      const [free] = [...busy].filter(([, n]) => n < waiting).sort((a, b) => a[1] - b[1]);
      return free && answered(free[0], free[1], message, moved);
    },
    close: () => {
      for (const thread of busy.keys()) thread.close();
    },
  };
}
