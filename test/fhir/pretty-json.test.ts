// JSON with line breaks: the same JSON, as JSON.stringify indents it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prettyJson, prettyPieces } from '../../src/fhir/pretty-json.ts';

test('it is indented as JSON.stringify does, however it stood before', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const value = JSON.parse(json) as unknown;
      const wanted = JSON.stringify(value, null, 2);
      for (const form of [JSON.stringify(value), JSON.stringify(value, null, '\t')])
        expect(prettyJson(form)).toBe(wanted);
    }),
  );
});

test('numbers and escapes stay as written; what is empty is on one line', () => {
  expect(prettyJson('{"a":1.00,"b":[],"c":{"d":"x\\"{,\\u0041"},"e": { } }')).toBe(
    '{\n  "a": 1.00,\n  "b": [],\n  "c": {\n    "d": "x\\"{,\\u0041"\n  },\n  "e": {}\n}',
  );
});

test('a text of megabytes is one string, and a long list comes in pieces', () => {
  const text = `${'x'.repeat(8_000_000)}\\"`;
  expect(prettyJson(`{"a":"${text}"}`)).toBe(`{\n  "a": "${text}"\n}`);
  const list = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ i })));
  const pieces = [...prettyPieces(list)];
  expect(pieces.length).toBeGreaterThan(10);
  expect(pieces.join('')).toBe(JSON.stringify(JSON.parse(list), null, 2));
});
