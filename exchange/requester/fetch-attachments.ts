// Attachments that records of a peer give by address are fetched after their records are taken in, a few at once, each by itself: the
// pull is done without them, and its report tells what became of each. A row is the work, held by a lease; what is fetched is written
// before the row says so, under its own hash, so that a process that dies loses nothing and nothing is there twice.
import type { Deps } from '../../src/deps.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { findPeer, type Peer } from '../peers/peer.ts';
import { peerAnswered, peerFailed } from '../peers/peer-health.ts';
import {
  attachmentKey,
  type KeptBytes,
  keptBytes,
  nameDocument,
  noteGone,
  noteNotFetched,
  receivedBinary,
} from '../records/attachment.ts';
import { isKeptType } from '../records/facts/attachment-type.ts';
import { textTellsMoney } from '../records/facts/money-words.ts';
import { transactionInstant } from '../records/records.ts';
import {
  claimAttachments,
  type DueAttachment,
  nextAttachment,
  postponeAttachment,
  renewAttachments,
  settleAttachment,
} from './attachment-job.ts';
import { fetchAttachment, keepAttachment, readBinary } from './client/attachment.ts';
import { readManifest } from './client/kick-off.ts';
import { isAway, isFileOrigin, PeerFault } from './client/peer-fetch.ts';
import { type Talk, talkTo } from './client/talk.ts';
import type { PeerTokens } from './client/token.ts';
import { inLanes } from './concurrency.ts';
import { findPull } from './pull.ts';
import { noteFaults } from './pull-fault.ts';
import { releaseEnded } from './release.ts';

/** Taken at once, and fetched at once: no more than files of a pull. */
const TAKEN = 16;
const WIDTH = 4;
const MIB = 1024 * 1024;
export const COMING = 'documents/coming/';
/** Until the next try, after the first, the second and so on. */
const BACKOFF_MS = [1000, 5000, 15_000, 60_000, 300_000, 900_000];
/** Until something that people have to mend is looked at again. */
const OURS_MS = 60_000;

/**
 * What is reported with the pull of a row: its peer, what it did wrong, whether its files need a token, bytes that are
 * kept of it so far.
 */
type Side = { talk: Talk; faults: Map<string, number>; needsToken: boolean | undefined; bytes: number };

/** Why one is not asked for at all. Pure. */
function refusalOf(
  row: Pick<DueAttachment, 'url' | 'media' | 'isGone' | 'isWithdrawn'>,
  peer: Pick<Peer, 'origins' | 'fhirBase' | 'fileOrigins'>,
): string | undefined {
  if (row.isGone) return 'record-gone';
  if (row.isWithdrawn) return 'consent-withdrawn';
  if (!URL.canParse(row.url) || !/^https?:$/.test(new URL(row.url).protocol)) return 'bad-url';
  const url = new URL(row.url);
  if (url.username !== '' || url.password !== '') return 'bad-url';
  if (!isFileOrigin(url, peer)) return 'foreign-origin';
  const said = row.media?.split(';')[0]?.trim() ?? '';
  return said === '' || said === 'application/octet-stream' || isKeptType(said) ? undefined : 'attachment-unsafe';
}

/** What a fault means for one attachment: when it is tried again, or the reason for which it is not. Pure. */
export function judgeAttachmentFault(
  fault: Pick<PeerFault, 'reason' | 'isTransient' | 'retryMs'>,
  row: Pick<DueAttachment, 'attempts' | 'since'>,
  limits: { tries: number; deadlineHours: number },
  now: Date,
): { againMs: number } | { reason: string } {
  const isLate = now.getTime() - row.since.getTime() > limits.deadlineHours * 3_600_000;
  const isLast = row.attempts + 1 >= limits.tries && !isAway(fault.reason);
  if (!fault.isTransient || isLate || isLast) return { reason: fault.reason };
  return { againMs: fault.retryMs ?? BACKOFF_MS[Math.min(row.attempts, BACKOFF_MS.length - 1)] ?? OURS_MS };
}

export type AttachmentsOf = {
  /** of this pull */
  only?: string | undefined;
  /** of none of these peers */
  except?: readonly string[];
  /** owners whose work has ended though its end could not be written */
  left?: readonly string[];
  /** called with whose are taken */
  begun?: (peerId: string) => void;
};

/** Takes some attachments of one peer and settles or postpones each. False when none was due. */
export async function fetchAttachments(
  deps: Deps,
  tokens: PeerTokens,
  owner: string,
  { begun, ...which }: AttachmentsOf = {},
): Promise<boolean> {
  const { sql } = deps.database;
  const { leaseSeconds } = deps.config;
  const rows = await claimAttachments(sql, { owner, now: deps.clock(), leaseSeconds, most: TAKEN, ...which });
  const peer = rows[0] && (await findPeer(sql, rows[0].peerId));
  if (!peer) return false;
  begun?.(peer.id);
  const renewal = setInterval(
    () => {
      renewAttachments(sql, owner, deps.clock(), leaseSeconds).catch((error: unknown) =>
        deps.log('warn', 'lease not renewed', { attachments: rows.length, error: describe(error) }),
      );
    },
    (leaseSeconds * 1000) / 3,
  );
  const sides = new Map<string, Side>();
  try {
    for (const id of new Set(rows.map((r) => r.pullId))) sides.set(id, await sideOf(deps, tokens, peer, id));
    await inLanes(rows, WIDTH, async (row) => {
      const side = sides.get(row.pullId);
      if (side) await fetchOne(deps, side, row);
    });
  } finally {
    clearInterval(renewal);
    for (const [id, { faults }] of sides) await noteFaults(sql, id, faults);
  }
  // its job was kept there for as long as something was to be fetched
  for (const id of sides.keys())
    if ((await nextAttachment(sql, id)) === undefined) await releaseEnded(deps, tokens, id);
  return true;
}

async function sideOf(deps: Deps, tokens: PeerTokens, peer: Peer, pullId: string): Promise<Side> {
  const faults = new Map<string, number>();
  const pull = await findPull(deps.database.sql, pullId);
  const talk = talkTo(deps, tokens, peer, (code) => void faults.set(code, (faults.get(code) ?? 0) + 1));
  const base = pull?.exportStatusUrl ?? peer.fhirBase ?? '';
  const needsToken =
    pull?.manifest == null ? undefined : readManifest(JSON.parse(pull.manifest), base).requiresAccessToken;
  return { talk, faults, needsToken, bytes: await keptBytes(deps.database.sql, pullId) };
}

async function fetchOne(deps: Deps, side: Side, row: DueAttachment): Promise<void> {
  const { sql } = deps.database;
  const { peer, limits } = side.talk;
  const now = deps.clock();
  const later = (ms: number) => new Date(deps.clock().getTime() + ms);
  try {
    if (row.leftBehind !== null) await deps.blobs.delete(comingKey(row.leftBehind));
    const refused = refusalOf(row, peer);
    if (refused !== undefined) return await settle(deps, row, { reason: refused });
    const room = await deps.blobs.room?.();
    if (room !== undefined && room < deps.config.diskReserveMb * MIB + WIDTH * 2 * limits.attachmentBytes)
      return await postponeAttachment(sql, row, later(OURS_MS), 'disk-full', false);
    if (side.bytes > limits.attachmentsBytes) return await settle(deps, row, { reason: 'attachments-too-large' });
    const kept = await fetched(deps, side, row);
    await settle(deps, row, { kept });
    side.bytes += kept.bytes;
    await peerAnswered(sql, peer.id, now);
  } catch (error) {
    if (!(error instanceof PeerFault)) {
      deps.log('error', 'attachment not kept', { pull: row.pullId, error: describe(error) });
      return postponeAttachment(sql, row, later(OURS_MS), 'our-fault', false);
    }
    await judgePeer(deps, peer.id, error);
    const judged = judgeAttachmentFault(
      error,
      row,
      { tries: limits.fileTries, deadlineHours: deps.config.pullDeadlineHours },
      now,
    );
    if ('reason' in judged) return settle(deps, row, { reason: judged.reason, came: error.came });
    await postponeAttachment(sql, row, later(judged.againMs), error.reason, true);
  }
}

/** Does it say that the peer does not work? That one document is not right says nothing of it. */
async function judgePeer(deps: Deps, peerId: string, fault: PeerFault): Promise<void> {
  if (isAway(fault.reason) && fault.reason !== 'throttled')
    await peerFailed(deps.database.sql, peerId, fault.reason, deps.clock());
}

/** From the lines that came, where the peer sent it as a Binary of its own; else from its address. */
async function fetched(deps: Deps, side: Side, row: DueAttachment): Promise<KeptBytes> {
  const { talk, needsToken } = side;
  // a claim tells no money here, in whatever it is reported
  const isWordy = row.type === 'ExplanationOfBenefit' || row.type === 'Coverage';
  const request = {
    ...row,
    needsToken,
    key: comingKey(row.coming),
    ...(isWordy
      ? {
          refuses: (media: string | null, bytes: Buffer) =>
            textTellsMoney(media ?? '', bytes) ? 'money-present' : undefined,
        }
      : {}),
  };
  const base = `${talk.peer.fhirBase ?? ''}/Binary/`;
  const id = row.url.startsWith(base) ? row.url.slice(base.length).split(/[/?#]/)[0] : undefined;
  const line = id === undefined ? undefined : await receivedBinary(deps.database.sql, row.peerId, row.memberId, id);
  const binary = line === undefined ? undefined : readBinary(Buffer.from(line));
  if (binary && binary.data.length > 0) return keepAttachment(talk, request, binary);
  return fetchAttachment(talk, request);
}

/** Where one is written while it comes, by who has taken it. */
const comingKey = (taking: string): string => `${COMING}${taking}`;

/** Commits what became of one: its row, what leaves of its record, a finding of the pull and an audit row. */
async function settle(
  deps: Deps,
  row: DueAttachment,
  end: { kept: KeptBytes } | { reason: string; came?: PeerFault['came'] },
): Promise<void> {
  await deps.database.sql.begin(async (tx) => {
    const at = await transactionInstant(tx);
    if (!(await settleAttachment(tx, row, end, at))) {
      if ('kept' in end) await noteGone(tx, [end.kept.sha256], new Date(at));
      return;
    }
    if ('kept' in end) {
      await nameDocument(tx, end.kept.sha256);
      // it was there already, and has been removed since as named by nothing
      if ((await deps.blobs.size(attachmentKey(end.kept.sha256))) === undefined)
        throw new Error('a document went while it was named');
    }
    if ('reason' in end) await noteNotFetched(tx, row.pullId, row.type);
    await writeAudit(tx, [
      auditRow({
        at: new Date(at),
        actorKind: 'system',
        actor: 'pull',
        action: 'attachment',
        object: `pull/${row.pullId}`,
        memberId: row.memberId,
        peerId: row.peerId,
        ...('reason' in end
          ? { outcome: 'refused', reason: end.reason, ...(end.came ? { detail: end.came } : {}) }
          : { detail: { bytes: end.kept.bytes, sha256: end.kept.sha256 } }),
      }),
    ]);
  });
  deps.metrics.count('attachments_total', { result: 'kept' in end ? 'kept' : 'not-fetched' });
}
