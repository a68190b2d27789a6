// One received line with everything that stands beside it: the raw line, our record, its versions, what it was linked
// with, and the statements of its origin.
import type { Deps } from '../../../src/deps.ts';
import { parseInstant } from '../../../src/fhir/instant.ts';
import { lines } from '../../../src/fhir/ndjson.ts';
import { prettyJson } from '../../../src/fhir/pretty-json.ts';
import { isObject, type Json, objects, text } from '../../../src/fhir/resource.ts';
import { memberKeys } from '../../members/member-key.ts';
import { findPeer } from '../../peers/peer.ts';
import { keptText } from '../../reconcile/stage.ts';
import { type AttachmentLine, attachmentsOf } from '../../records/attachment.ts';
import { findPull } from '../pull.ts';
import { pullFiles } from '../pull-file.ts';
import { type Difference, differences } from './difference.ts';
import {
  findLine,
  type LedgerLine,
  type LineFinding,
  type LinkedRecord,
  lineFindings,
  linkedRecords,
  memberVersions,
  type Place,
  provenanceOf,
  type RecordVersion,
  sharedVersions,
} from './line-rows.ts';

/** A line longer than this is shown in part. */
const MOST_SHOWN = 200_000;

type Linked = Omit<LinkedRecord, 'body'> & { differences: Difference[]; text: string | null; whole?: string };
export type Origin = { id: string; recorded: Date | null; activity: string | null; who: string; from: string };
export type RecordReport = {
  pullId: string;
  peerName: string;
  line: LedgerLine;
  memberKey: string | null;
  /** the raw line; indented when it is JSON */
  received: (Shown & { isJson: boolean }) | { fault: string };
  ours: (Shown & { version: RecordVersion; isAsReceived: boolean }) | undefined;
  differences: Difference[];
  findings: LineFinding[];
  versions: Omit<RecordVersion, 'body'>[];
  linked: Linked[];
  origins: Origin[];
  /** documents that the record gives by address */
  attachments: AttachmentLine[];
};

/** The raw line of a kept file. */
export async function receivedLine(
  deps: Pick<Deps, 'blobs' | 'database'>,
  pullId: string,
  at: Place,
): Promise<{ text: string } | { fault: string }> {
  const file = (await pullFiles(deps.database.sql, pullId)).find((f) => f.position === at.file);
  const kept = file?.blobKey ? await deps.blobs.get(file.blobKey) : undefined;
  if (!kept && deps.blobs.isCopy === true) return { fault: 'The file is not kept here: open this page at the node.' };
  if (!kept)
    return {
      fault: `The file is no longer kept${file?.sha256 && file.blobKey === null ? `: its time was over. Its SHA-256 was ${file.sha256}` : ''}.`,
    };
  for await (const line of lines(keptText(kept))) {
    if (line.number < at.line) continue;
    if (line.number > at.line) break;
    if ('text' in line) return { text: line.text };
    return {
      fault:
        line.fault === 'too-large'
          ? `The line is too long to show: ${line.bytes} bytes.`
          : 'The line is not UTF-8 text.',
    };
  }
  return { fault: 'The file has no such line.' };
}

function parsed(json: string): Json | undefined {
  try {
    return JSON.parse(json) as Json;
  } catch {
    return undefined;
  }
}

/** A text as it is shown; `whole`, where that is a part of it. */
type Shown = { text: string; whole?: string };
const cut = (t: string): Shown =>
  t.length > MOST_SHOWN
    ? { text: `${t.slice(0, MOST_SHOWN)}\n… ${t.length - MOST_SHOWN} more characters`, whole: t }
    : { text: t };
const readable = (json: string): Shown => cut(parsed(json) === undefined ? json : prettyJson(json));

/** The part of a received line that the ledger row is about: an entry of a deletions Bundle, or the line. */
function unitOf(line: Json | undefined, entry: number): Json | undefined {
  if (!isObject(line) || line['resourceType'] !== 'Bundle') return line;
  return objects(line['entry'])[entry];
}

const reference = (value: Json | undefined): string =>
  isObject(value)
    ? (text(value['display']) ??
      text(value['reference']) ??
      (isObject(value['identifier']) ? (text(value['identifier']['value']) ?? '') : ''))
    : '';
const firstCode = (value: Json | undefined): string | null =>
  isObject(value) ? (text(objects(value['coding'])[0]?.['code']) ?? text(value['text']) ?? null) : null;

/** A Provenance in one row. Pure. */
export function readOrigin(p: { id: string; origin: string; body: string }, peerName: string): Origin {
  const resource = parsed(p.body);
  const r = isObject(resource) ? resource : {};
  return {
    id: p.id,
    recorded: parseInstant(text(r['recorded']) ?? '') ?? null,
    activity: firstCode(r['activity']),
    who: objects(r['agent'])
      .map((a) => `${firstCode(a['type']) ?? 'agent'}: ${reference(a['who'])}`)
      .join('; '),
    from: p.origin === 'own' ? 'stated by us' : `stated by ${peerName}`,
  };
}

/** `id` and `meta` of two different records always differ and say nothing. */
const without = (value: Json | undefined): Json => {
  if (!isObject(value)) return value ?? null;
  const { id: _id, meta: _meta, ...rest } = value;
  return rest;
};

async function beside(deps: Pick<Deps, 'database'>, line: LedgerLine, peerName: string) {
  const { sql } = deps.database;
  const { type, localId, memberId } = line;
  const isKept =
    type !== null &&
    localId !== null &&
    localId !== '' &&
    line.outcome !== 'quarantined' &&
    line.outcome !== 'rejected';
  if (!isKept) return { versions: [], linked: [], origins: [] };
  if (memberId === null) return { versions: await sharedVersions(sql, type, localId), linked: [], origins: [] };
  const [versions, linked, provenance] = await Promise.all([
    memberVersions(sql, memberId, type, localId),
    linkedRecords(sql, memberId, type, localId),
    provenanceOf(sql, memberId, `${type}/${localId}`),
  ]);
  return { versions, linked, origins: provenance.map((p) => readOrigin(p, peerName)) };
}

/** Everything about one row of the ledger; undefined when there is no such pull or row. */
export async function recordReport(
  deps: Pick<Deps, 'database' | 'blobs' | 'keys'>,
  pullId: string,
  at: Place,
): Promise<RecordReport | undefined> {
  const { sql } = deps.database;
  const pull = await findPull(sql, pullId);
  const line = pull && (await findLine(sql, pullId, at));
  if (!pull || !line) return undefined;
  const peerName = (await findPeer(sql, pull.peerId))?.name ?? pull.peerId;
  const [raw, findings, { versions, linked, origins }, keyOf] = await Promise.all([
    receivedLine(deps, pullId, at),
    lineFindings(sql, pullId, at),
    beside(deps, line, peerName),
    memberKeys(deps),
  ]);
  const asReceived = versions.find((v) => v.hash === line.hash);
  const version = asReceived ?? versions[0];
  const theirs = 'text' in raw ? parsed(raw.text) : undefined;
  const unit = unitOf(theirs, line.entry);
  const mine = version && parsed(version.body);
  return {
    pullId,
    peerName,
    line,
    memberKey: line.memberId === null ? null : keyOf(line.memberId),
    received: 'text' in raw ? { ...readable(raw.text), isJson: theirs !== undefined } : raw,
    ours: version && { ...readable(version.body), version, isAsReceived: asReceived !== undefined },
    differences:
      unit !== undefined && mine !== undefined && line.outcome !== 'retracted' ? differences(unit, mine) : [],
    findings,
    versions: versions.map(({ body: _, ...v }) => v),
    linked: linked.map(({ body, ...l }) => ({
      ...l,
      ...(body === null ? { text: null } : readable(body)),
      differences: body === null ? [] : differences(without(mine), without(parsed(body))),
    })),
    origins,
    attachments:
      line.memberId !== null && line.type !== null && line.localId && versions.length > 0
        ? await attachmentsOf(sql, line.memberId, [{ type: line.type, id: line.localId }])
        : [],
  };
}
