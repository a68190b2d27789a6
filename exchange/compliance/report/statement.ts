// What passed between a payer and us in a period, without any member: to settle disputes.
import type { Deps } from '../../../src/deps.ts';
import type { Cell, Table } from '../../../src/ui/table.ts';
import { findPeer } from '../../peers/peer.ts';
import { meaning } from '../../reconcile/reasons.ts';
import { causeText } from '../../responder/request-texts.ts';
import { grouped, numberCell, requestStateCell, spanText, timeCell } from '../../staff/data/texts.ts';
import { REQUEST_KINDS } from './compliance-cells.ts';
import { instantsOf, type Period } from './period.ts';
import { complianceRows, type Row } from './report-figures.ts';

/** Rows of a page; CSV and JSON hold all. */
const MOST_ON_PAGE = 200;

/** Minutes left, or how late, when it was answered or as it stands. */
function againstDue(due: Date | null, done: Date | null, state: string, now: Date): Cell {
  if (due === null || (done === null && ['cancelled', 'revoked', 'withdrawn'].includes(state))) return { value: null };
  const left = due.getTime() - (done ?? now).getTime();
  // whole minutes left; what was late by seconds is late by one
  const minutes = Math.floor(left / 60_000);
  if (left < 0) return { value: minutes, text: `late by ${spanText(left)}`, tone: 'act' };
  return done === null
    ? { value: minutes, text: `${spanText(left)} left` }
    : { value: minutes, text: `in time, ${spanText(left)} before it was due`, tone: 'good' };
}

/** All of them in files; on the page how many, where there are several. */
function hashesOf(r: Row): Cell {
  const hashes = typeof r['hashes'] === 'string' ? r['hashes'] : '';
  if (hashes === '') return { value: null };
  const n = hashes.split(' ').length;
  if (n === 1) return { value: hashes, code: true };
  const page = r['kind'] === 'pull' ? 'pulls' : 'requests';
  return { value: hashes, text: `${n} files`, href: `/staff/${page}/${String(r['id'])}` };
}

/** Why an answer to a payer was taken back. */
const ENDED: Readonly<Record<string, string>> = {
  'consent-ended': 'the choice of a member in it has ended since',
  'peer-ended': 'the payer was suspended or closed',
  'consent-changed': 'made again, because the choice of a member in it changed',
};

function reasonOf(r: Row): Cell {
  const code = r['reason'];
  if (code === null || code === undefined) return { value: null };
  if (r['kind'] === 'pull') return { value: String(code), text: meaning('pull', String(code)).text };
  const words = ENDED[String(code)];
  // the payer may be shown it, in a file too: where our program broke is nothing to it
  return words === undefined ? { value: causeText(String(code)) } : { value: String(code), text: words };
}

const OUTCOMES: readonly (readonly [key: string, words: string])[] = [
  ['match', 'matched'],
  ['matched', 'matched'],
  ['nomatch', 'not matched'],
  ['not-matched', 'not known there'],
  ['consentconstraint', 'held by consent'],
  ['constrained', 'held by consent there'],
  ['missing', 'not answered'],
  ['uncorrelated', 'not led back to a member'],
  ['contradictory', 'answered in contradiction'],
  ['conflict', 'answered as one person with another'],
  ['resources', 'records made ready'],
  ['lines', 'lines received'],
];

/** What came of it, in numbers. */
function outcomeOf(r: Row): Cell {
  const counts = (r['counts'] ?? {}) as Readonly<Record<string, number | null>>;
  const said = OUTCOMES.flatMap(([key, words]) => {
    const n = counts[key];
    return n === null || n === undefined ? [] : [`${grouped(n)} ${words}`];
  });
  return { value: said.length === 0 ? null : said.join(', ') };
}

export async function peerStatement(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  peerId: string,
  period: Period,
): Promise<{ name: string; table: Table } | undefined> {
  const { sql } = deps.database;
  const peer = await findPeer(sql, peerId);
  if (!peer) return undefined;
  const { timeZone } = deps.config;
  const rows = await complianceRows(sql, 'statement', {
    ...instantsOf(period, timeZone),
    now: deps.clock(),
    peerId,
    lob: null,
    timeZone,
  });
  const now = deps.clock();
  const date = (v: unknown) => (v instanceof Date ? v : null);
  return {
    name: peer.name,
    table: {
      name: 'statement',
      most: MOST_ON_PAGE,
      caption: 'Requests both ways, in the order of time',
      columns: [
        { key: 'direction', label: 'Direction', kind: 'head' },
        { key: 'kind', label: 'Kind' },
        { key: 'id', label: 'Id' },
        { key: 'received', label: 'Received or sent' },
        { key: 'due', label: 'Due' },
        { key: 'answered', label: 'Answered' },
        { key: 'took', label: 'Took' },
        { key: 'inTime', label: 'In time' },
        { key: 'members', label: 'Members', kind: 'number' },
        { key: 'state', label: 'State' },
        { key: 'reason', label: 'Reason' },
        { key: 'outcome', label: 'Outcome' },
        { key: 'bytes', label: 'Bytes of files', kind: 'number' },
        { key: 'sha256', label: 'SHA-256 of files', kind: 'hash' },
      ],
      rows: rows.map((r) => {
        const [at, done] = [date(r['at']), date(r['answered'])];
        const state = String(r['state']);
        return [
          { value: String(r['direction']) },
          { value: String(r['kind']), text: REQUEST_KINDS[String(r['kind'])] ?? String(r['kind']) },
          {
            value: String(r['id']),
            ...(r['kind'] === 'single' ? {} : { text: String(r['id']).slice(0, 8) }),
            code: true,
            href:
              r['kind'] === 'single'
                ? `/staff/matches?peer=${peerId}`
                : `/staff/${r['kind'] === 'pull' ? 'pulls' : 'requests'}/${String(r['id'])}`,
          },
          timeCell(at, timeZone),
          timeCell(date(r['due']), timeZone),
          timeCell(done, timeZone),
          at && done && r['kind'] !== 'single'
            ? {
                value: Math.round((done.getTime() - at.getTime()) / 1000),
                text: spanText(done.getTime() - at.getTime()),
              }
            : { value: null },
          againstDue(date(r['due']), done, state, now),
          numberCell(Number(r['size'] ?? 0)),
          r['kind'] === 'pull'
            ? { value: state, text: meaning('state', state).text }
            : requestStateCell(state, done !== null),
          reasonOf(r),
          outcomeOf(r),
          typeof r['bytes'] === 'number' ? numberCell(r['bytes']) : { value: null },
          hashesOf(r),
        ];
      }),
      empty: 'Nothing passed between this payer and us.',
    },
  };
}
