// Documents by address in the long run: files that nothing names go when they were kept long enough, what cannot be fetched is not tried
// again and again, a payer that is paused holds no one up, and who lost a lease disturbs no one.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freeLeases } from '../../exchange/lease.ts';
import { attachmentKey, nameDocument } from '../../exchange/records/attachment.ts';
import { claimAttachments, postponeAttachment, settleAttachment } from '../../exchange/requester/attachment-job.ts';
import { PeerTokens } from '../../exchange/requester/client/token.ts';
import { fetchAttachments } from '../../exchange/requester/fetch-attachments.ts';
import { noteUnnamed, removeComing, removeDocuments } from '../../exchange/requester/remove-documents.ts';
import { json, ndjson, type Script, type ScriptedPeer, scriptedPeer, sends, status } from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
const sql = () => peer.node.deps.database.sql;
const blobs = () => peer.node.deps.blobs;
beforeAll(async () => {
  peer = await scriptedPeer();
});
beforeEach(async () => {
  await peer.record({});
  await sql().unsafe(
    `delete from exchange.attachment; delete from exchange.identity; delete from exchange.resource where origin = 'scripted'; delete from exchange.orphaned_document`,
  );
  for (const key of await blobs().list('documents/')) await blobs().delete(key);
});
afterAll(() => peer.close());

const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(9_000)]);
const SHA = createHash('sha256').update(PDF).digest('hex');
const pdf = { 'content-type': 'application/pdf' };
const at = (path: string) => `${peer.base}${path}`;
const note = (id: string, url: string | undefined, more: object = {}): object => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject: { reference: 'Patient/p9' },
  content: [{ attachment: url === undefined ? { title: 'on paper' } : { contentType: 'application/pdf', url } }],
  ...more,
});
const gives = (records: object[], more: Script = {}): Script => ({
  'GET /status/export': (_, a) =>
    json(a, peer.manifest([{ type: 'DocumentReference', url: at('/f/1'), count: records.length }])),
  'GET /f/1': sends(ndjson(...records.map((r) => JSON.stringify(r)))),
  'GET /d/1': sends(PDF, pdf),
  ...more,
});
const rows = () => sql()`select state, reason from exchange.attachment order by record_id`;
const later = (days: number) => ({
  ...peer.node.deps,
  clock: () => new Date(peer.node.deps.clock().getTime() + days * 86_400_000),
});
const files = async () => (await blobs().list('documents/')).sort();

test('a document that comes with neither bytes nor an address is reported, and reported again when it comes again', async () => {
  const apart = {
    contentType: 'text/plain',
    _data: { extension: [{ url: 'https://x.example/kept-apart', valueString: 'k1' }] },
  };
  const bytes = { contentType: 'text/plain', data: 'aGVsbG8=' };
  const records = [
    note('e1', undefined),
    note('e2', undefined, { content: [{ attachment: bytes }, { attachment: apart }] }),
    note('e3', undefined, { content: [{ attachment: bytes }] }),
    note('e4', at('/d/1')),
  ];
  for (const _ of [1, 2]) {
    const { id, state } = await peer.pull(gives(records));
    const found =
      await sql()`select type, amount::int as n from exchange.finding where pull_id = ${id} and kind = 'attachment-empty'`;
    expect([state, [...found]]).toEqual(['done', [{ type: 'DocumentReference', n: 2 }]]);
  }
});

test('a file goes when nothing has named it for as long as documents are kept, and is reported in the audit', async () => {
  await peer.pull(gives([note('d1', at('/d/1')), note('d2', at('/d/1'))]));
  await peer.attachments();
  expect(await files()).toEqual([attachmentKey(SHA)]);
  await peer.pull(gives([note('d1', undefined), note('d2', at('/d/1'))]));
  // the other record names it still
  expect([await removeDocuments(later(4000)), await files()]).toEqual([0, [attachmentKey(SHA)]]);
  await peer.pull(gives([note('d1', undefined), note('d2', undefined)]));
  expect([await rows(), await removeDocuments(later(3649)), await files()]).toEqual([[], 0, [attachmentKey(SHA)]]);
  expect([await removeDocuments(later(3651)), await files()]).toEqual([1, []]);
  expect(await removeDocuments(later(9999))).toBe(0);
  const audit = await sql()`select detail->>'sha256' as sha from exchange.audit where action = 'document-removed'`;
  expect(audit.map((a) => a['sha'])).toEqual([SHA]);
});

test('a file of a process that died before it named it goes after a day; one that is named, and one that is kept, stay', async () => {
  await peer.pull(gives([note('d1', at('/d/1'))]));
  await peer.attachments();
  const orphan = attachmentKey(createHash('sha256').update('orphan').digest('hex'));
  const late = attachmentKey(createHash('sha256').update('late').digest('hex'));
  for (const key of [orphan, late]) await blobs().put(key, Readable.from([Buffer.from('x')]));
  expect(await noteUnnamed(peer.node.deps)).toBe(2);
  expect(await noteUnnamed(later(0.5))).toBe(0);
  // written by who is about to name it
  await sql().begin((tx) => nameDocument(tx, late.slice(-64)));
  expect([await removeDocuments(later(0.9)), (await files()).length]).toEqual([0, 3]);
  expect([await removeDocuments(later(1.1)), await files()]).toEqual([1, [attachmentKey(SHA), late].sort()]);
  // what was named is kept for its time, also when it is looked for
  await peer.pull(gives([note('d1', undefined)]));
  await noteUnnamed(peer.node.deps);
  expect([await removeDocuments(later(2)), await files()]).toEqual([1, [attachmentKey(SHA)]]);
});

test('one that is named again meanwhile stays, also when it is named while it is looked at', async () => {
  const names = gives([note('d1', at('/d/1'))]);
  await peer.pull(names);
  await peer.attachments();
  await peer.pull(gives([note('d1', undefined)]));
  await peer.pull(names);
  await peer.attachments();
  expect([await removeDocuments(later(9999)), await files()]).toEqual([0, [attachmentKey(SHA)]]);
  // and one that went at that moment is fetched once more
  await peer.pull(gives([note('d1', undefined)]));
  const size = blobs().size.bind(blobs());
  let removed: Promise<number> | undefined;
  blobs().size = async (key) => {
    const found = await size(key);
    removed ??= found === undefined ? undefined : removeDocuments(later(9999));
    await removed;
    return found;
  };
  try {
    await peer.pull(names);
    await peer.attachments();
  } finally {
    blobs().size = size;
  }
  expect(await removed).toBe(1);
  expect([await rows(), await files()]).toEqual([[{ state: 'kept', reason: null }], [attachmentKey(SHA)]]);
});

test('of a record that is gone, or of a member who has withdrawn, nothing is tried again with each pull', async () => {
  const told = async () => {
    const [row] = await sql()`
      select (select count(*)::int from exchange.audit where action = 'attachment') as audit,
        (select coalesce(sum(amount), 0)::int from exchange.finding where kind = 'attachment-not-fetched') as findings`;
    return [row?.['audit'], row?.['findings']];
  };
  const gone = gives([note('d1', at('/d/1'))], { 'GET /d/1': status(503) });
  await peer.pull(gone);
  await sql()`update exchange.resource set deleted = true where source_id = 'd1' and member_id is not null`;
  await peer.attachments(gives([]));
  expect(await rows()).toEqual([{ state: 'not-fetched', reason: 'record-gone' }]);
  const before = await told();
  await peer.pull(gives([]), { full: false });
  await peer.attachments();
  expect([await rows(), await told()]).toEqual([[{ state: 'not-fetched', reason: 'record-gone' }], before]);
  // as soon as it is there again it is
  await sql()`update exchange.resource set deleted = false where source_id = 'd1' and member_id is not null`;
  await peer.pull(gives([]), { full: false });
  await peer.attachments(gives([]));
  expect(await rows()).toEqual([{ state: 'kept', reason: null }]);
});

test('what waits for a payer that is paused is not walked past', async () => {
  await peer.pull(gives([note('d1', at('/d/1'))], { 'GET /d/1': status(503) }));
  const now = peer.node.deps.clock();
  await sql()`insert into exchange.peer (id, name, state, fhir_base, origins, added_by, paused_until)
    values ('paused', 'Paused', 'active', 'https://x.example', array['https://x.example'], 'test', ${new Date(now.getTime() + 9e8)}) on conflict do nothing`;
  await sql()`
    insert into exchange.attachment (member_id, type, record_id, document_id, peer_id, pull_id, url, written, state, next_at)
    select member_id, type, 'r' || g, 'd' || g, 'paused', pull_id, url, written, 'due', next_at - interval '1 day'
    from exchange.attachment cross join generate_series(1, 5000) g`;
  await sql()`analyze exchange.attachment`;
  const taken = await sql().begin(async (tx) => {
    const rows = await claimAttachments(tx, {
      owner: 'x',
      now: new Date(now.getTime() + 9e6),
      leaseSeconds: 60,
      most: 16,
    });
    const [read] = await tx`
      select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as n from pg_stat_xact_user_tables where schemaname = 'exchange' and relname = 'attachment'`;
    return { peers: rows.map((r) => r.peerId), read: Number(read?.['n']) };
  });
  expect(taken.peers).toEqual(['scripted']);
  expect(taken.read).toBeLessThan(100);
});

test('who lost a lease writes beside who has it, settles nothing, and gives nothing back', async () => {
  await peer.pull(gives([note('d1', at('/d/1'))], { 'GET /d/1': status(503) }));
  const now = peer.node.deps.clock();
  const take = async (seconds: number) => {
    const [row] = await claimAttachments(sql(), {
      owner: 'one process',
      now: new Date(now.getTime() + 9e6 + seconds * 1000),
      leaseSeconds: 60,
      most: 16,
    });
    if (!row) throw new Error('nothing was due');
    return row;
  };
  const first = await take(0);
  const second = await take(61);
  expect([first.leftBehind, second.leftBehind, first.coming === second.coming]).toEqual([null, first.coming, false]);
  const kept = { kept: { sha256: 'aa', bytes: 1, media: null } };
  expect(await settleAttachment(sql(), first, kept, now.toISOString())).toBe(false);
  await postponeAttachment(sql(), first, new Date(now.getTime() + 9e9), 'late', true);
  expect(await rows()).toEqual([{ state: 'due', reason: 'status-503' }]);
  // what the first one left is removed when it is fetched by another
  await blobs().put(
    `documents/coming/${second.coming}`,
    (async function* () {
      yield PDF;
    })(),
  );
  await sql()`update exchange.attachment set lease_until = now(), next_at = now() - interval '1 day'`;
  await peer.attachments(gives([]));
  expect([await rows(), await files()]).toEqual([[{ state: 'kept', reason: null }], [attachmentKey(SHA)]]);
});

test('what a version before is fetched for is not kept for the next one', async () => {
  let replaced: Promise<unknown> | undefined;
  const other = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(500)]);
  await peer.pull(gives([note('d1', at('/d/1'))], { 'GET /d/1': status(503) }));
  await sql()`update exchange.attachment set next_at = now() - interval '1 day'`;
  const script = gives([note('d1', at('/d/1'))], {
    'GET /d/1': async (_, a) => {
      // while it comes, another version of the record is taken in
      replaced ??= sql()`update exchange.attachment set sha1 = ${createHash('sha1').update(other).digest('base64')}, attempts = 0, lease_owner = null, lease_until = null, coming = null`;
      await replaced;
      a.writeHead(200, pdf).end(PDF);
    },
  });
  await peer.attachments(script);
  expect(await rows()).toEqual([{ state: 'not-fetched', reason: 'hash-mismatch' }]);
  // what came is not kept as the record's, and the trail can tell what it was
  const [told] =
    await sql()`select outcome, reason, detail from exchange.audit where action = 'attachment' order by seq desc limit 1`;
  expect(told).toEqual({ outcome: 'refused', reason: 'hash-mismatch', detail: { bytes: PDF.length, sha256: SHA } });
  expect(await files()).toEqual([attachmentKey(SHA)]);
  // the bytes that came for the version before are named by nothing, and noted
  expect(await removeDocuments(later(3651))).toBe(1);
});

test('a node that starts alone takes up at once what a dead process held, and clears what it left', async () => {
  await peer.pull(gives([note('d1', at('/d/1'))], { 'GET /d/1': status(503) }));
  await sql()`update exchange.attachment set next_at = now() - interval '1 day', lease_owner = 'dead', lease_until = now() + interval '1 day', coming = 'x'`;
  await blobs().put(
    'documents/coming/x',
    (async function* () {
      yield PDF;
    })(),
  );
  const fetch = () => fetchAttachments(peer.node.deps, new PeerTokens(), 'alive');
  expect(await fetch()).toBe(false);
  await freeLeases(sql());
  await removeComing(peer.node.deps);
  expect(await files()).toEqual([]);
  await peer.attachments(gives([]));
  expect(await rows()).toEqual([{ state: 'kept', reason: null }]);
});
