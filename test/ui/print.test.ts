// The head of printed pages: text of others stays text, in a style that stands in a document.
import { expect, test } from 'vitest';
import { pageHeads } from '../../src/ui/print.ts';

test('a name of a payer ends neither the string nor the style', () => {
  const css = pageHeads('A "B" \\ </style><script>', 'now\n}');
  expect(css).not.toMatch(/[<>]|\n./);
  const content = /@top-left\{content:"((?:[^"\\]|\\.)*)"/.exec(css)?.[1] ?? '';
  const read = content.replace(/\\([0-9a-f]+) /g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  expect(read).toBe('A "B" \\ </style><script>');
  expect(css).toContain('counter(pages)');
  expect(pageHeads('A')).not.toContain('@top-right');
});
