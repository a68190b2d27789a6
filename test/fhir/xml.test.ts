// Resources as XML, by the rules of https://hl7.org/fhir/R4/xml.html.
import { expect, test } from 'vitest';
import { xmlPieces } from '../../src/fhir/xml.ts';
import { fromJson, fromXml } from './xml-tree.ts';

const toXml = (json: string): string => [...xmlPieces(json)].join('');

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';
const location = (more: Record<string, unknown>) => JSON.stringify({ resourceType: 'Location', ...more });

test('elements stand in the order of the definition, however they came', () => {
  const text = location({
    position: { latitude: 41, longitude: -71 },
    name: 'Clinic',
    extension: [{ valueBoolean: true, url: 'http://x' }],
    meta: { profile: ['p', 'q'], versionId: '2' },
    id: 'a',
    status: 'active',
  });
  expect(toXml(text)).toBe(
    `${HEAD}<Location xmlns="http://hl7.org/fhir"><id value="a"/><meta><versionId value="2"/><profile value="p"/><profile value="q"/></meta>` +
      '<extension url="http://x"><valueBoolean value="true"/></extension><status value="active"/><name value="Clinic"/>' +
      '<position><longitude value="-71"/><latitude value="41"/></position></Location>',
  );
});

test('ids and extensions of primitives, and those without a value', () => {
  const absent = { extension: [{ url: 'http://x', valueCode: 'unknown' }] };
  const xml = toXml(
    location({ _name: absent, alias: ['one', null, 'three'], _alias: [null, { id: 'a2' }, { id: 'a3' }] }),
  );
  expect(xml).toContain(
    '<name><extension url="http://x"><valueCode value="unknown"/></extension></name><alias value="one"/><alias id="a2"/><alias id="a3" value="three"/>',
  );
});

test('numbers are as they were written', () => {
  const xml = toXml('{"resourceType":"Location","position":{"longitude":-72.600,"latitude":4.170e1,"altitude":0.10}}');
  expect(xml).toContain('<longitude value="-72.600"/><latitude value="4.170e1"/><altitude value="0.10"/>');
});

test('what XML gives a meaning, and what it cannot hold, is no mark-up', () => {
  const said = 'a "b" & <c> \t\n\r é 🙂 \u0001 \ud800';
  const xml = toXml(location({ name: said }));
  expect(fromXml(xml)).toEqual(
    fromJson({ resourceType: 'Location', name: said.replace('\u0001', '\ufffd').replace('\ud800', '\ufffd') }),
  );
  expect(xml).not.toMatch(/[\t\n\r]/);
});

test('resources within resources', () => {
  const xml = toXml(
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'searchset',
      entry: [{ resource: { resourceType: 'Location', contained: [{ resourceType: 'Endpoint', id: 'e' }] } }],
    }),
  );
  expect(xml).toContain(
    '<entry><resource><Location><contained><Endpoint><id value="e"/></Endpoint></contained></Location></resource></entry>',
  );
});

test.each([
  [
    '<div xmlns="http://www.w3.org/1999/xhtml"><p>a<br/>b &#160;</p></div>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><p>a<br/>b &#160;</p></div>',
  ],
  ['<div>plain</div>', '<div xmlns="http://www.w3.org/1999/xhtml">plain</div>'],
  [' <?xml version="1.0"?> <div>plain</div>', '<div xmlns="http://www.w3.org/1999/xhtml">plain</div>'],
  // HTML that is no XML
  ['<div>a<br>b</div>', undefined],
  ['<div>a&nbsp;b</div>', undefined],
  ['<div>a</div></text><name value="forged"/>', undefined],
  ['<div><x:y/></div>', undefined],
  ['<div', undefined],
  // XML that is no XHTML, or no element
  ['<div xmlns="http://hl7.org/fhir"><status value="forged"/></div>', undefined],
  ['<div xmlns="">a</div>', undefined],
  ['<status value="forged"/>', undefined],
  ['<!DOCTYPE div><div>a</div>', undefined],
  ['<?xml version="1.0"?><?xml version="1.0"?><div>a</div>', undefined],
])('the narrative %s', (div, kept) => {
  const xml = toXml(location({ name: 'n', text: { status: 'generated', div } }));
  const text = kept === undefined ? '' : `<text><status value="generated"/>${kept}</text>`;
  expect(xml).toBe(`${HEAD}<Location xmlns="http://hl7.org/fhir">${text}<name value="n"/></Location>`);
});

test('a Bundle comes in pieces of an entry', () => {
  const bundle = JSON.stringify({
    resourceType: 'Bundle',
    type: 'searchset',
    entry: [1, 2, 3].map((n) => ({ resource: { resourceType: 'Location', id: `l${n}` } })),
  });
  const pieces = [...xmlPieces(bundle)];
  expect(pieces.filter((piece) => piece.startsWith('<entry>') && piece.endsWith('</entry>'))).toHaveLength(3);
});

test('with line breaks each element has its line, and a narrative stays as it is', () => {
  const div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>a\n<b>b</b> c</p></div>';
  const text = JSON.stringify({
    resourceType: 'Bundle',
    type: 'searchset',
    entry: [{ resource: { resourceType: 'Location', text: { status: 'generated', div }, alias: ['x', 'y'] } }],
  });
  expect([...xmlPieces(text, true)].join('')).toBe(`${HEAD}
<Bundle xmlns="http://hl7.org/fhir">
  <type value="searchset"/>
  <entry>
    <resource>
      <Location>
        <text>
          <status value="generated"/>
          ${div}
        </text>
        <alias value="x"/>
        <alias value="y"/>
      </Location>
    </resource>
  </entry>
</Bundle>`);
});
