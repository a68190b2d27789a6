// The thread that reads units beside the one that serves. It holds no connection and no file: blocks in, rows out.
import { pieces } from '../../src/chunks.ts';
import { answerThread } from '../../src/runtime/thread.ts';
import { type Asked, answer, type Reading } from './unit-reader.ts';

let reading: Reading | undefined;
const memory = pieces();
answerThread((message) => {
  const asked = message as Asked;
  if (asked.kind === 'begin') {
    reading = asked.reading;
    return { value: true, moved: [] };
  }
  if (!reading) throw new Error('a thread was asked before it was told what to read');
  const value = answer(asked, reading, memory);
  return {
    value,
    moved: 'block' in value ? [value.block.bytes.buffer] : [...value.facts, ...value.texts].map((c) => c.buffer),
  };
});
