// The far side of a thread: answers each question in turn.
import { parentPort } from 'node:worker_threads';
import { framesOf } from '../redact-stack.ts';

export type Question = { id: number; message: unknown };
/** `error`: what it is, and where it was thrown; its message may quote a record. */
export type Reply = { id: number; value: unknown } | { id: number; error: { name: string; frames: string[] } };

/** @param answer `moved`: buffers that go over to the asker instead of being copied */
export function answerThread(answer: (message: unknown) => { value: unknown; moved: ArrayBuffer[] }): void {
  const port = parentPort;
  port?.on('message', ({ id, message }: Question) => {
    try {
      const { value, moved } = answer(message);
      port.postMessage({ id, value } satisfies Reply, moved);
    } catch (error) {
      const fault = error instanceof Error ? error : new Error();
      port.postMessage({ id, error: { name: fault.name, frames: framesOf(fault) } } satisfies Reply);
    }
  });
}
