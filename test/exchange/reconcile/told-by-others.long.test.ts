import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { meanwhile } from './meanwhile.ts';
import { deletions, output, PEER, reconciler } from './reconcile-pull.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const organization = (id: string, npi: string, name: string, day = '01') => ({
  resourceType: 'Organization',
  id,
  meta: { lastUpdated: `2026-09-${day}T00:00:00Z` },
  identifier: [{ system: NPI, value: npi }],
  active: true,
  name,
});
const place = (id: string, name: string) => ({
  resourceType: 'Location',
  id,
  status: 'active',
  name,
  address: { line: ['1 Main St'], city: 'Springfield', postalCode: '01101' },
});

let node: Awaited<ReturnType<typeof reconciler>>;
const OTHER = { peer: 'other', since: new Date('2026-01-01') };
/** Not everything was asked for: what does not come is there all the same. */
const SOME = { since: new Date('2026-01-01') };
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('other', 'Other', '9000000020', 'active', 'https://other.example/fhir', array['https://other.example'], 'test')`;
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

/** What is shown of an entry, by what a payer (or we) calls it: whose it is and its name; undefined when it is not shown. */
async function shown(type: string, id: string, peer = PEER): Promise<string | undefined> {
  const [row] = await node.sql<{ origin: string; name: string }[]>`
    select e.origin, e.body::jsonb ->> 'name' as name from exchange.shared_resource e
    where e.type = ${type} and not e.deleted and e.id = coalesce((
      select i.local_id from exchange.identity i where i.peer_id = ${peer} and i.type = ${type} and i.source_id = ${id}), ${id})`;
  return row && `${row.origin} ${row.name}`;
}

test('one that its first payer deletes stays for the others, is theirs from then on, and goes with the last', async () => {
  await node.pull([output('Organization', organization('o1', '9000000122', 'First'))], OTHER);
  const same = await node.pull([output('Organization', organization('x1', '9000000122', 'Second'))], SOME);
  expect(await node.ledger(same.id)).toEqual(['shared Organization/x1']);
  const gone = await node.pull([deletions('Organization/o1')], OTHER);
  expect(await node.ledger(gone.id)).toEqual(['retracted deleted-at-source Organization/o1']);
  expect(await shown('Organization', 'x1')).toBe('prior First');
  const next = await node.pull([output('Organization', organization('x1', '9000000122', 'Renamed', '02'))], SOME);
  expect(await node.ledger(next.id)).toEqual(['updated Organization/x1']);
  expect(await shown('Organization', 'x1')).toBe('prior Renamed');
  // the first one tells it again, takes it back again: neither is anything to the entry
  const again = await node.pull([output('Organization', organization('o1', '9000000122', 'First again', '03'))], OTHER);
  expect(await node.ledger(again.id)).toEqual(['shared Organization/o1']);
  await node.pull([deletions('Organization/o1')], OTHER);
  expect(await shown('Organization', 'x1')).toBe('prior Renamed');

  await node.pull([deletions('Organization/x1')], SOME);
  expect(await shown('Organization', 'x1')).toBeUndefined();
  const back = await node.pull([output('Organization', organization('o1', '9000000122', 'Back', '04'))], OTHER);
  expect(await node.ledger(back.id)).toEqual(['updated reinstated Organization/o1']);
  expect(await shown('Organization', 'o1', 'other')).toBe('other Back');
});

test('so does one that is known by name and place, and one that its payer tells under another id in the same pull', async () => {
  await node.pull([output('Location', place('l1', 'North Clinic'))], OTHER);
  await node.pull([output('Location', place('y1', 'North Clinic'))], SOME);
  await node.pull([deletions('Location/l1')], OTHER);
  expect(await shown('Location', 'y1')).toBe('prior North Clinic');
  const third = await node.pull([output('Location', place('l2', 'North Clinic'))], OTHER);
  expect(await node.ledger(third.id)).toEqual(['shared Location/l2']);

  await node.pull([output('Organization', organization('k1', '9000000130', 'Kept'))], SOME);
  await node.pull(
    [output('Organization', organization('k2', '9000000130', 'Kept')), deletions('Organization/k1')],
    SOME,
  );
  expect(await shown('Organization', 'k2')).toBe('prior Kept');
});

test('one of ours that we take back stays for those who tell it, and is ours when we tell it again', async () => {
  await node.own(organization('org-1', '9000000148', 'Ours'));
  const told = await node.pull([output('Organization', organization('z1', '9000000148', 'Theirs'))], SOME);
  expect(await node.ledger(told.id)).toEqual(['shared Organization/z1']);
  await node.own({ resourceType: 'Organization', id: 'org-2', active: true, name: 'No one else’s' });
  await node.ownGone('Organization/org-1', 'Organization/org-2');
  expect(await shown('Organization', 'z1')).toBe('prior Ours');
  expect(await shown('Organization', 'org-2')).toBeUndefined();
  await node.own(organization('org-1', '9000000148', 'Ours'));
  expect(await shown('Organization', 'org-1')).toBe('own Ours');
  const next = await node.pull([output('Organization', organization('z1', '9000000148', 'Other', '05'))], SOME);
  expect(await node.ledger(next.id)).toEqual(['shared Organization/z1']);
  expect(await shown('Organization', 'z1')).toBe('own Ours');
});

test('one that is deleted by its payer while another one that tells it is decided is there for that one', async () => {
  await node.pull([output('Organization', organization('w1', '9000000155', 'Meanwhile'))], OTHER);
  const files = [
    output('Organization', organization('v1', '9000000155', 'Meanwhile'), organization('v2', '9000000163', 'New')),
  ];
  const told = await meanwhile(
    node,
    `update on exchange.pull_slice for each row when (new.state = 'booking' and new.units = 2)`,
    () => node.pull(files, SOME),
    async () => {
      await node.pull([deletions('Organization/w1')], OTHER);
      expect(await shown('Organization', 'w1', 'other')).toBeUndefined();
    },
  );
  expect(await node.ledger(told.id)).toEqual(['updated reinstated Organization/v1', 'created Organization/v2']);
  expect(await shown('Organization', 'v1')).toBe('prior Meanwhile');
  const next = await node.pull([output('Organization', organization('v1', '9000000155', 'Renamed', '06'))], SOME);
  expect(await node.ledger(next.id)).toEqual(['updated Organization/v1']);
  expect(await shown('Organization', 'v1')).toBe('prior Renamed');
});
