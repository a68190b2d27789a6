// Narratives of received records: which hold something that acts or leads out, and are dropped.

import { describe, expect, test } from 'vitest';
import { checkInbound } from '../../../exchange/reconcile/inbound.ts';
import { watchedIn } from '../../../exchange/records/facts/watched-names.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const isDropped = (div: string): boolean => {
  const resource = { resourceType: 'Observation', id: 'o', text: { status: 'generated', div } } as Resource;
  const json = JSON.stringify(resource);
  return checkInbound(resource, json, json, watchedIn(resource), '2027-01-01', 0).findings.includes(
    'narrative-dropped',
  );
};

describe('a narrative', () => {
  test.each([
    '<div><script>x</script></div>',
    '<p\n\tonclick \n= "x()">',
    '<a title="x" href = \n " https://x.example/">',
    '<img alt="a"\n src=//x.example/a.png>',
    '<a <a href="https://x.example">',
    '<p style="background: url( \n \' https://x.example/a.png)">',
    '<p style="background:url(data:image/svg+xml,x)">',
    '<img src = "data:image/svg+xml;base64,AA==">',
    '<a href="java\nscript:x">',
    '<a href="&#106;avascript&colon;x">',
  ])('is dropped with %j', (div) => expect(isDropped(div)).toBe(true));

  test.each([
    '<div xmlns="http://www.w3.org/1999/xhtml"><p>140 mg/dL on 1 = high</p></div>',
    '<a href="#note">',
    '<img src="data:image/png;base64,AA==">',
    '<a>href="https://x.example"',
    '<abbr title="x" href="https://x.example">',
    '<p src="https://x.example">',
  ])('stays with %j', (div) => expect(isDropped(div)).toBe(false));

  test.each([
    ['tags that do not end', '<a on'.repeat(100_000)],
    ['blanks in an address', `url(${' '.repeat(500_000)}`],
    ['blanks about a value', `<a href${' '.repeat(500_000)}=${' '.repeat(500_000)}`],
    ['addresses without a tag', 'src="https://x'.repeat(100_000)],
  ])('is read in a moment however long it is: %s', (_, text) => {
    expect(isDropped(`<div>${text}`)).toBe(false);
  });
});
