// Text of files in any encoding that people and older programs write, however its bytes come.
import { expect, test } from 'vitest';
import { textOfFile } from '../../src/import/text-of-file.ts';

/** @param size of the pieces that are read */
async function read(bytes: Uint8Array, size: number): Promise<string> {
  const open = async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  let text = '';
  for await (const piece of textOfFile('a file', open)) text += piece;
  return text;
}

const LINES = 'npi,name\r\n1,Muñoz – O’Hara\r\n2,Peña\r\n';
const utf16be = Buffer.from(`\ufeff${LINES}`, 'utf16le').swap16();
/** Windows-1252 */
const OLD = Buffer.from(LINES.replace('–', '\x96').replace('’', '\x92'), 'latin1');

test.each([
  ['UTF-8', Buffer.from(LINES)],
  ['UTF-8 with its mark', Buffer.from(`\ufeff${LINES}`)],
  ['UTF-16', Buffer.from(`\ufeff${LINES}`, 'utf16le')],
  ['UTF-16 of the other order', utf16be],
  ['Windows-1252', OLD],
  ['Windows-1252, segments without lines', Buffer.from(OLD.toString('latin1').replaceAll('\r\n', '~'), 'latin1')],
])('%s', async (_, bytes) => {
  for (const size of [1, 2, 3, 7, 1000])
    expect((await read(bytes, size)).replaceAll('~', '\r\n'), `pieces of ${size}`).toBe(LINES);
});

test('a letter that a program has cut costs the letters of its own line only', async () => {
  const cut = Buffer.concat([
    Buffer.from('1,Muñoz\n2,Pe'),
    Buffer.from('ñ').subarray(0, 1),
    Buffer.from('\n3,Núñez\n'),
  ]);
  for (const size of [1, 5, 1000]) expect(await read(cut, size)).toBe('1,Muñoz\n2,PeÃ\n3,Núñez\n');
});

test('what has no lines is not held: it is judged in parts that cut no letter', async () => {
  const text = 'año '.repeat(100_000);
  const longest: number[] = [];
  const bytes = Buffer.from(text);
  const open = async function* () {
    for (let at = 0; at < bytes.length; at += 1001) yield bytes.subarray(at, at + 1001);
  };
  let whole = '';
  for await (const piece of textOfFile('a file', open)) {
    whole += piece;
    longest.push(piece.length);
  }
  expect(whole).toBe(text);
  expect(Math.max(...longest)).toBeLessThan(70_000);
});

test('bytes are asked for once, and let go when the reader stops', async () => {
  let opened = 0;
  let closed = 0;
  const open = async function* () {
    opened++;
    try {
      for (;;) yield Buffer.from('a\n');
    } finally {
      closed++;
    }
  };
  for await (const piece of textOfFile('a file', open)) if (piece !== '') break;
  expect([opened, closed]).toEqual([1, 1]);
});
