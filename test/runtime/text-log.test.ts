// The log on a terminal: one plain line an event.
import { expect, test } from 'vitest';
import { textLog } from '../../src/runtime/node.ts';

test('a line has time, level, event and fields, and no byte that a terminal obeys', () => {
  const lines: string[] = [];
  const log = textLog('info', (line) => lines.push(line));
  log('debug', 'not written');
  log('warn', 'pull waits', { pull: 'p1', n: 2, why: 'a\u001b[31mb\nc\u202e', none: undefined });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d warn {2}pull waits pull=p1 n=2 why=a \[31mb c\\u202e\n$/);
});
