// Harvests from a scripted peer: the whole, what changed, what is gone, and what a person must decide.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { currentFacts } from '../../../directory/federation/fact.ts';
import { harvestPeer } from '../../../directory/federation/harvest/run.ts';
import { decideRun } from '../../../directory/federation/harvest/settle.ts';
import { probePeer } from '../../../directory/federation/probe.ts';
import { switchPeer } from '../../../directory/federation/registry.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { outcome, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

let dir: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
beforeAll(async () => {
  dir = await scriptedDirectory();
});
afterAll(() => dir.close());
beforeEach(async () => {
  dir.reset();
  w = await world();
  await w.add('oak', dir.fhir);
});
afterEach(() => w.close());

const ALL = 27;
const by = (types: { type: number; counters: Record<string, number> }[], type: number) =>
  types.find((t) => t.type === type)?.counters ?? {};

describe('a peer that behaves', () => {
  test('is probed, then read as a whole, with ids of its own', async () => {
    const done = await w.harvest('oak');
    expect([done.state, done.reason]).toEqual(['done', '']);
    expect(await w.counts('oak')).toEqual({ l: ALL });
    expect((await w.keys('oak')).slice(0, 3)).toEqual([
      'Location/oak.loc',
      'Organization/oak.clinic',
      'Organization/oak.net',
    ]);
    const facts = Object.fromEntries((await currentFacts(w.sql, 'oak')).map((f) => [`${f.type} ${f.name}`, f.value]));
    expect(facts).toMatchObject({
      'Practitioner enumerates': 'yes',
      'Practitioner last-updated': 'works',
      'Practitioner total': 'honest',
      'Practitioner npi-style': '1',
      ' bulk-publish': 'none',
    });
    expect(
      dir.seen.every(
        (s) => s.headers['via'] === '1.1 plan.example' && /payer-node/.test(String(s.headers['user-agent'])),
      ),
    ).toBe(true);
  });

  test('that has not changed writes no record', async () => {
    await w.harvest('oak');
    const before = await w.sql`select rk, xmin::text as x from federation.source order by rk`;
    w.day();
    const done = await w.harvest('oak');
    expect(done.state).toBe('done');
    expect(await w.sql`select rk, xmin::text as x from federation.source order by rk`).toEqual(before);
  });

  test('a change, a new record and an ended one', async () => {
    await w.harvest('oak');
    w.day();
    const list = dir.script.records;
    const p1 = list.find((r) => r['id'] === 'p1');
    const p2 = list.find((r) => r['id'] === 'p2');
    if (!p1 || !p2) throw new Error('fixture');
    const now = '2027-03-02T11:00:00Z';
    Object.assign(p1, { gender: 'male', meta: { versionId: '2', lastUpdated: now } });
    Object.assign(p2, { active: false, meta: { versionId: '2', lastUpdated: now } });
    list.push({
      resourceType: 'Practitioner',
      id: 'new',
      active: true,
      meta: { versionId: '1', lastUpdated: now },
      name: [{ family: 'New' }],
    });
    const done = await w.harvest('oak');
    const practitioners = done.types.find((t) => t.type === 7);
    expect(practitioners).toMatchObject({ rung: 5, complete: false, counters: { new: 1, updated: 2 } });
    expect(await w.counts('oak')).toEqual({ l: ALL, e: 1 });
  });

  test('history brings deletions', async () => {
    dir.script.history = true;
    await w.harvest('oak');
    w.day();
    dir.script.records = dir.script.records.filter((r) => r['id'] !== 'r3');
    dir.script.deleted = [{ type: 'PractitionerRole', id: 'r3', at: '2027-03-01T23:00:00Z' }];
    const done = await w.harvest('oak');
    expect(done.types.find((t) => t.type === 8)).toMatchObject({ rung: 4, counters: { deleted: 1, tombstones: 1 } });
    expect(await w.keys('oak', 't')).toEqual(['PractitionerRole/oak.r3']);
  });

  const gone = async (naming: (key: string) => object, ids = ['r3']) => {
    dir.script.history = true;
    dir.script.gone = naming;
    await w.harvest('oak');
    w.day();
    dir.script.records = dir.script.records.filter((r) => !ids.includes(String(r['id'])));
    dir.script.deleted = ids.map((id) => ({ type: 'PractitionerRole', id, at: '2027-03-01T23:00:00Z' }));
    return await w.harvest('oak');
  };

  test('a deletion may name what is gone by its version, by its address, or by fullUrl alone', async () => {
    const forms: Record<string, (key: string) => object> = {
      r3: (key) => ({ request: { method: 'DELETE', url: `${key}/_history/2` } }),
      r4: (key) => ({ request: { method: 'DELETE', url: `${dir.fhir}/${key}` } }),
      r5: (key) => ({ fullUrl: `${dir.fhir}/${key}`, request: { method: 'DELETE' } }),
    };
    await gone((key) => forms[key.split('/')[1] ?? '']?.(key) ?? {}, Object.keys(forms));
    expect(await w.keys('oak', 't')).toEqual(['r3', 'r4', 'r5'].map((id) => `PractitionerRole/oak.${id}`));
  });

  test('a deletion of nobody knows whom makes the run no whole one, and all is read again', async () => {
    const done = await gone(() => ({ request: { method: 'DELETE' } }));
    expect(done).toMatchObject({ state: 'partial', reason: 'damaged-file' });
    expect((await w.counts('oak'))['l']).toBe(ALL);
    w.day();
    expect((await w.harvest('oak')).types.find((t) => t.type === 8)).toMatchObject({
      rung: 7,
      complete: true,
      counters: { absent: 1 },
    });
  });

  test('a deletion at another directory is none here', async () => {
    await gone((key) => ({ request: { method: 'DELETE', url: `https://plan.example/directory/fhir/${key}` } }));
    expect((await w.counts('oak'))['l']).toBe(ALL);
  });
});

describe('what is absent', () => {
  /** every day a whole sweep */
  const whole = async () => {
    await w.sql`update federation.peer set cursor = '{}'`;
    return await w.harvest('oak');
  };

  test('is missing after one whole run, gone after three and fourteen days, back when it comes back', async () => {
    await w.harvest('oak');
    const all = dir.script.records;
    dir.script.records = all.filter((r) => r['id'] !== 'p5');
    for (const [day, tombstones] of [
      [1, 0],
      [1, 0],
      [1, 0],
      [12, 1],
    ] as const) {
      w.day(day);
      const done = await whole();
      expect(by(done.types, 7)['tombstones']).toBe(tombstones);
    }
    expect(await w.keys('oak', 't')).toEqual(['Practitioner/oak.p5']);
    dir.script.records = all;
    w.day();
    const done = await whole();
    expect(by(done.types, 7)['returned']).toBe(1);
    expect(await w.counts('oak')).toEqual({ l: ALL });
  });

  test('keeps what was found in it while it is only missing, whatever else the run brings', async () => {
    const found = async () =>
      (
        await w.sql`select f.code from federation.finding f join federation.source s on s.rk = f.rk where s.key = 'Practitioner/oak.p5'`
      ).map((r) => String(r['code']));
    const all = dir.script.records.map(
      (r): Resource =>
        r['id'] === 'p5'
          ? { ...r, identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567890' }] }
          : r,
    );
    dir.script.records = all;
    await w.harvest('oak');
    expect(await found()).toContain('npi-check-digit');
    dir.script.records = all.flatMap((r) =>
      r['id'] === 'p5' ? [] : [r['id'] === 'p4' ? { ...r, gender: 'other' } : r],
    );
    w.day();
    expect(by((await whole()).types, 7)).toMatchObject({ absent: 1, updated: 1 });
    expect(await found()).toContain('npi-check-digit');
  });

  test('is not counted by a run that is not whole', async () => {
    await w.harvest('oak');
    dir.script.records = dir.script.records.filter((r) => r['id'] !== 'p5');
    dir.script.total = (n) => (n > 1 ? n + 4 : n);
    dir.script.lastUpdated = 'ignored';
    await w.sql`delete from federation.fact`;
    await w.sql`update federation.peer set probed_at = null`;
    w.day();
    const done = await whole();
    expect(done).toMatchObject({ state: 'partial', reason: 'short-of-total' });
    expect((await w.sql`select * from federation.missing`).length).toBe(0);
  });

  test('too much at once waits for a person, who may release or discard it', async () => {
    await w.harvest('oak');
    const all = dir.script.records;
    dir.script.records = all.filter(
      (r) => r.resourceType !== 'PractitionerRole' || Number(String(r['id']).slice(1)) <= 5,
    );
    w.day();
    const done = await whole();
    expect(done.state).toBe('quarantined');
    expect(done.types.find((t) => t.type === 8)).toMatchObject({
      state: 'quarantined',
      trips: [{ name: 'deletions' }, { name: 'count' }],
    });
    expect(await w.counts('oak')).toEqual({ l: ALL });
    expect((await w.harvest('oak')).state).toBe('waits');
    expect(await decideRun(w.deps, done.run, 'discard', 'ada')).toBe('ok');
    expect((await w.sql`select * from federation.missing`).length).toBe(0);
    w.day();
    const again = await w.harvest('oak');
    expect(again.state).toBe('quarantined');
    expect(await decideRun(w.deps, again.run, 'release', 'ada')).toBe('ok');
    expect((await w.sql`select * from federation.missing`).length).toBe(7);
    expect(await decideRun(w.deps, again.run, 'release', 'ada')).toBe('not-quarantined');
    w.day();
    expect((await whole()).state).toBe('done');
  });

  test('nor is half of all that goes in small steps, until a person releases it', async () => {
    dir.script.history = true;
    await w.harvest('oak');
    const step = async (n: number) => {
      w.day();
      dir.script.records = dir.script.records.filter((r) => r['id'] !== `r${n}`);
      dir.script.deleted.push({ type: 'PractitionerRole', id: `r${n}`, at: '2027-03-01T23:00:00Z' });
      return await w.harvest('oak');
    };
    for (const n of [1, 2, 3, 4, 5]) expect((await step(n)).state).toBe('done');
    const held = await step(6);
    expect(held.types.find((t) => t.type === 8)).toMatchObject({
      state: 'quarantined',
      trips: [{ name: 'slow-fall' }],
    });
    expect((await w.counts('oak'))['t']).toBe(5);
    w.state.now = new Date(w.state.now.getTime() + 3_600_000);
    expect(await decideRun(w.deps, held.run, 'release', 'ada')).toBe('ok');
    expect((await w.counts('oak'))['t']).toBe(6);
    // from there on it is counted anew
    expect((await step(7)).state).toBe('done');
  });

  test('a type with nothing left is never believed at once', async () => {
    await w.harvest('oak');
    dir.script.records = dir.script.records.filter((r) => r.resourceType !== 'Location');
    w.day();
    const done = await whole();
    expect(done.types.find((t) => t.type === 4)).toMatchObject({ state: 'quarantined', trips: [{ name: 'empty' }] });
    expect(await w.counts('oak')).toEqual({ l: ALL });
  });
});

describe('a process that dies', () => {
  test.each([3, 9, 14, 18])('after %i requests: the next goes on, and all is there once', async (n) => {
    dir.script.stride = 2;
    await probePeer(w.deps, await w.peer('oak'), 'test');
    const from = dir.seen.length;
    let killed = false;
    const real = w.deps.fetch;
    w.deps.fetch = ((...given: Parameters<typeof fetch>) => {
      if (dir.seen.length - from >= n) killed = true;
      if (killed) throw new TypeError('killed', { cause: Object.assign(new Error('killed'), { name: 'Killed' }) });
      return real(...given);
    }) as typeof fetch;
    const first = await harvestPeer(w.deps, await w.peer('oak'), { stopped: () => killed });
    expect(first.state).toBe('later');
    w.deps.fetch = real;
    const before = dir.seen.length;
    const done = await w.harvest('oak');
    expect([done.run, done.state]).toEqual([first.run, 'done']);
    // 27 records in pages of two: at most one page is read again
    expect(dir.seen.length - before).toBeLessThanOrEqual(22 - n + 1);
    expect(await w.counts('oak')).toEqual({ l: ALL });
    for (const table of ['incoming', 'seen', 'change', 'page'])
      expect(await w.sql.unsafe(`select * from federation.${table}`)).toHaveLength(0);
  });
});

test('a database that dies forgets what was staged: the run says so, and the next one reads it again', async () => {
  dir.script.stride = 2;
  await probePeer(w.deps, await w.peer('oak'), 'test');
  let seen = 0;
  const real = w.deps.fetch;
  w.deps.fetch = ((...given: Parameters<typeof fetch>) => {
    if (++seen > 9) throw new TypeError('killed', { cause: Object.assign(new Error('killed'), { name: 'Killed' }) });
    return real(...given);
  }) as typeof fetch;
  const first = await harvestPeer(w.deps, await w.peer('oak'), { stopped: () => seen > 9 });
  expect(first.state).toBe('later');
  w.deps.fetch = real;
  // what a crash of the server does to unlogged tables
  await w.sql`truncate federation.incoming, federation.seen, federation.seen_block, federation.gone, federation.change, federation.page`;
  const done = await w.harvest('oak');
  expect([done.run, done.state, done.reason]).toEqual([first.run, 'partial', 'staging-lost']);
  w.day();
  expect((await w.harvest('oak')).state).toBe('done');
  expect(await w.counts('oak')).toEqual({ l: ALL });
});

test('a database that dies within a type: what was read afterwards is not taken for all of it', async () => {
  dir.script.stride = 2;
  await probePeer(w.deps, await w.peer('oak'), 'test');
  const real = w.deps.fetch;
  let pages = 0;
  w.deps.fetch = (async (...given: Parameters<typeof fetch>) => {
    // amid the practitioners, six pages of two
    if (String(given[0]).includes('/Practitioner?') && ++pages === 4)
      await w.sql`truncate federation.incoming, federation.seen, federation.seen_block, federation.gone, federation.change`;
    return real(...given);
  }) as typeof fetch;
  const done = await w.harvest('oak');
  w.deps.fetch = real;
  expect([done.state, done.reason]).toEqual(['partial', 'staging-lost']);
  expect(done.types.find((t) => t.type === 7)).toMatchObject({ state: 'discarded', reason: 'staging-lost' });
  expect(await w.sql`select from federation.incoming`).toHaveLength(0);
  w.day();
  expect((await w.harvest('oak')).state).toBe('done');
  expect(await w.counts('oak')).toEqual({ l: ALL });
});

test('of two processes that begin at once, one harvests', async () => {
  const peer = await w.peer('oak');
  const both = await Promise.all([harvestPeer(w.deps, peer), harvestPeer(w.deps, peer)]);
  expect(both.map((b) => b.state).sort()).toEqual(['busy', 'done']);
  expect(await w.counts('oak')).toEqual({ l: ALL });
});

test('three failures in a row pause a peer, and what was read is kept between them', async () => {
  dir.script.first = (_r, url) => (url.searchParams.has('_from') ? outcome(503) : undefined);
  dir.script.stride = 5;
  const states: string[] = [];
  for (let n = 0; n < 3; n++) states.push((await w.harvest('oak')).state);
  expect(states).toEqual(['later', 'later', 'failed']);
  expect((await w.peer('oak')).state).toBe('paused');
});

describe('the switch', () => {
  test('stops a harvest that runs', async () => {
    dir.script.stride = 3;
    let n = 0;
    dir.script.first = (_r, url) => {
      if (url.searchParams.has('_from') && ++n === 2) void switchPeer(w.deps, 'oak', 'blocked', 'stop', 'ada');
      return undefined;
    };
    const done = await w.harvest('oak');
    expect(done).toMatchObject({ state: 'failed', reason: 'peer-switched-off' });
    expect((await w.peer('oak')).state).toBe('blocked');
  });
});

describe('a peer without an end', () => {
  /** page after page of practitioners, each with a link to another one */
  const goesOn = (entries: (n: number) => string[]) => {
    let n = 0;
    dir.script.page = (bundle, url) =>
      url.pathname.endsWith('/Practitioner') && url.searchParams.has('x')
        ? {
            ...bundle,
            entry: entries(++n).map((id) => ({
              search: { mode: 'match' },
              resource: { ...dir.script.records.find((r) => r['id'] === 'p1'), id },
            })),
            link: [{ relation: 'next', url: `${url.origin}${url.pathname}?_count=5&x=${n + 1}` }],
          }
        : url.pathname.endsWith('/Practitioner') && !url.searchParams.has('_id')
          ? { ...bundle, link: [{ relation: 'next', url: `${url.origin}${url.pathname}?_count=5&x=0` }] }
          : bundle;
  };
  test('of ever new records is left at the limit; nothing is taken for gone, and the other types are read next time', async () => {
    await w.close();
    w = await world({}, { harvestMaxRecords: 200 });
    await w.add('oak', dir.fhir);
    await w.harvest('oak');
    w.day(31);
    goesOn((n) => Array.from({ length: 50 }, (_, i) => `new-${n}-${i}`));
    const done = await w.harvest('oak');
    expect([done.state, done.reason]).toEqual(['partial', 'endless']);
    const counts = await w.counts('oak');
    expect(counts['l']).toBeGreaterThanOrEqual(ALL);
    expect(counts['t']).toBeUndefined();
    expect(await w.sql`select from federation.missing`).toHaveLength(0);
  });
  test('of empty pages is left after a hundred', async () => {
    await w.harvest('oak');
    w.day(31);
    goesOn(() => []);
    const done = await w.harvest('oak');
    expect([done.state, done.reason]).toEqual(['partial', 'endless']);
    expect(dir.seen.filter((s) => /\/Practitioner\?.*x=/.test(s.path)).length).toBeLessThan(150);
    expect(await w.counts('oak')).toEqual({ l: ALL });
  });
});
