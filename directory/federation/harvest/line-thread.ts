// The thread that reads lines of peers' files beside the one that harvests. It holds no connection and no file: blocks in, rows out.
import { answerThread } from '../../../src/runtime/thread.ts';
import { type Asked, answer } from './line-reader.ts';
import type { Reading } from './read-line.ts';

let reading: Reading | undefined;
answerThread((message) => {
  const asked = message as Asked;
  if (asked.kind === 'begin') {
    reading = asked.reading;
    return { value: true, moved: [] };
  }
  if (!reading) throw new Error('a thread was asked before it was given what to read');
  const value = answer(asked, reading);
  return {
    value,
    moved:
      'block' in value
        ? [value.block.bytes.buffer, value.hashes.buffer]
        : [...value.rows.facts, ...value.rows.texts].map((b) => b.buffer),
  };
});
