// What a peer is informed of a batch, when members came twice under one id, or two ids lead to one person.
import { describe, expect, test } from 'vitest';
import { GroupText, matchParameters } from '../../exchange/responder/match/groups.ts';
import { BundleFault, readMemberBundles } from '../../exchange/responder/match/read-member-bundle.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { ASKER, type Asked, matchBody, parts, US } from './plan-fixture.ts';

const about = {
  id: 'g',
  batch: 'b',
  batchSystem: 'urn:b',
  us: US,
  peer: ASKER,
  at: '2027-01-06T00:00:00Z',
  on: '2027-01-06',
};

type Group = {
  contained?: { resourceType: string; id: string; name?: { family: string }[]; subscriberId?: string }[];
  member?: { entity: { reference: string; extension: { url: string; valueReference: { reference: string } }[] } }[];
};

function group(bucket: 'match' | 'nomatch', asked: readonly (Asked & { found?: string })[]): Group {
  const bundles =
    asked.length === 0 ? [] : readMemberBundles(matchBody(...asked.map((a) => parts(a))) as unknown as Json);
  const made = new GroupText(bucket, about, new Set(bundles.map((b) => b.patientId)));
  for (const [i, b] of bundles.entries()) made.add(b, asked[i]?.found);
  return JSON.parse([...made.parts()].join('')) as Group;
}
const told = (g: Group) =>
  g.member?.map(({ entity }) => [entity.reference, ...entity.extension.map((e) => e.valueReference.reference)]);
const contained = (g: Group) => g.contained?.map((c) => `${c.resourceType}/${c.id}`);

describe('a Group', () => {
  test('names each member by what was submitted', () => {
    const g = group('match', [
      { id: 'm-1', found: 'p1' },
      { id: 'm-2', found: 'p2' },
    ]);
    expect(contained(g)).toEqual(['Patient/m-1', 'Patient/m-2']);
    expect(told(g)).toEqual([
      ['Patient/p1', '#m-1'],
      ['Patient/p2', '#m-2'],
    ]);
  });

  test('holds a Patient once that came with two coverages, and tells them apart (PDex 2.2 §153)', () => {
    const g = group('nomatch', [
      { id: 'm-1', subscriberId: 'A' },
      { id: 'm-1', subscriberId: 'B' },
    ]);
    expect(contained(g)).toEqual(['Patient/m-1', 'Coverage/cov-1', 'Coverage/cov-2']);
    expect(told(g)).toEqual([
      ['#m-1', '#m-1', '#cov-1'],
      ['#m-1', '#m-1', '#cov-2'],
    ]);
    expect(g.contained?.slice(1).map((c) => c.subscriberId)).toEqual(['A', 'B']);
  });

  test('contains nothing twice under one id, whatever ids were submitted', () => {
    const g = group('match', [
      { id: 'cov-1', found: 'p1' },
      { id: 'm-2', found: 'p1' },
    ]);
    expect(contained(g)).toEqual(['Patient/cov-1', 'Patient/m-2', 'Coverage/cov-cov-1', 'Coverage/cov-2']);
    expect(told(g)).toEqual([
      ['Patient/p1', '#cov-1', '#cov-cov-1'],
      ['Patient/p1', '#m-2', '#cov-2'],
    ]);
  });

  test.each(['', 'a b', 'a_b', '../x', 'é', 'x'.repeat(65), 'urn:uuid:1'])(
    'has no member with the id %j: that is no id of FHIR',
    (id) => {
      expect(() => readMemberBundles(matchBody(parts({ id })) as unknown as Json)).toThrow(BundleFault);
    },
  );

  test('tells two ids apart that lead to one person', () => {
    const g = group('match', [
      { id: 'm-1', found: 'p1' },
      { id: 'm-2', found: 'p1' },
      { id: 'm-3', found: 'p3' },
    ]);
    expect(told(g)).toEqual([
      ['Patient/p1', '#m-1', '#cov-1'],
      ['Patient/p1', '#m-2', '#cov-2'],
      ['Patient/p3', '#m-3'],
    ]);
  });

  test('keeps two people under one id, and the id of anyone who else was submitted', () => {
    const long = 'x'.repeat(64);
    const g = group('nomatch', [
      { id: 'm-1', family: 'First' },
      { id: 'm-1', family: 'Second' },
      { id: 'm-1.2', family: 'Third' },
      { id: long, family: 'Fourth' },
      { id: long, family: 'Fifth' },
    ]);
    expect(g.contained?.map((c) => [c.id, c.name?.[0]?.family])).toEqual([
      ['m-1', 'First'],
      ['m-1.3', 'Second'],
      ['m-1.2', 'Third'],
      [long, 'Fourth'],
      [`${'x'.repeat(62)}.2`, 'Fifth'],
    ]);
  });

  test('without members is one without lists, and the older form holds the same Groups', () => {
    const empty = group('match', []);
    expect(Object.keys(empty)).not.toContain('member');
    expect(Object.keys(empty)).not.toContain('contained');
    const groups = (['match', 'nomatch'] as const).map((bucket) => new GroupText(bucket, about, new Set()));
    expect(JSON.parse([...matchParameters(groups)].join(''))).toMatchObject({
      resourceType: 'Parameters',
      parameter: [{ name: 'MatchedMembers', resource: empty }, { name: 'NonMatchedMembers' }],
    });
  });
});
