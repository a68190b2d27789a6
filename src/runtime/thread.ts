// The far side of a thread: answers each question in turn.
import { parentPort } from 'node:worker_threads';

export type Question = { id: number; message: unknown };
export type Reply = { id: number; value: unknown } | { id: number; error: string };

/** @param answer `moved`: buffers that go over to the asker instead of being copied */
export function answerThread(answer: (message: unknown) => { value: unknown; moved: ArrayBuffer[] }): void {
  const port = parentPort;
  port?.on('message', ({ id, message }: Question) => {
    try {
      const { value, moved } = answer(message);
      port.postMessage({ id, value } satisfies Reply, moved);
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
}
