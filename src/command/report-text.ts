// A pull's report for a terminal: what came, what became of it, and whether the books balance.
import type { Queryable } from '../store/database.ts';
import type { OpenNode } from './node.ts';

type Row = { type: string; outcome: string; n: number };
type FileRow = { position: number; type: string; declared: number | null; units: number | null; booked: number };

const OUTCOMES = [
  'created',
  'updated',
  'unchanged',
  'linked-duplicate',
  'echo',
  'shared',
  'retracted',
  'quarantined',
  'rejected',
];

async function read(sql: Queryable, pullId: string) {
  const rows = await sql<Row[]>`
    select coalesce(type, '(unreadable)') as type, outcome, count(*)::int as n from exchange.ledger where pull_id = ${pullId} group by 1, 2`;
  const files = await sql<FileRow[]>`
    select f.position, f.type, f.declared, f.units, (select count(*)::int from exchange.ledger l where l.pull_id = f.pull_id and l.file = f.position) as booked
    from exchange.pull_file f where f.pull_id = ${pullId} and f.kind <> 'error' order by f.position`;
  const members = await sql<{ outcome: string; n: number }[]>`
    select coalesce(outcome, 'asked') as outcome, count(*)::int as n from exchange.pull_member where pull_id = ${pullId} group by 1 order by 1`;
  const reasons = await sql<{ reason: string; n: number }[]>`
    select reason, count(*)::int as n from exchange.ledger where pull_id = ${pullId} and outcome in ('quarantined', 'rejected') group by 1 order by 2 desc`;
  const [pull] = await sql<{ peer: string; state: string; reason: string | null }[]>`
    select p.name as peer, l.state, l.reason from exchange.pull l join exchange.peer p on p.id = l.peer_id where l.id = ${pullId}`;
  return { rows, files, members, reasons, pull };
}

/** Lines for the screen, with the address of the full report. */
export async function terminalReport(node: OpenNode, pullId: string): Promise<string> {
  const { rows, files, members, reasons, pull } = await read(node.deps.database.sql, pullId);
  const used = OUTCOMES.filter((o) => rows.some((r) => r.outcome === o));
  const types = [...new Set(rows.map((r) => r.type))].sort();
  const count = (type: string, outcome: string) => rows.find((r) => r.type === type && r.outcome === outcome)?.n ?? 0;
  const width = Math.max(14, ...types.map((t) => t.length));
  const head = `${'type'.padEnd(width)} ${used.map((o) => o.padStart(Math.max(9, o.length))).join(' ')}`;
  const line = (name: string, value: (o: string) => number) =>
    `${name.padEnd(width)} ${used.map((o) => String(value(o) || '').padStart(Math.max(9, o.length))).join(' ')}`;
  const received = files.reduce((n, f) => n + (f.units ?? 0), 0);
  const declared = files.every((f) => f.declared !== null)
    ? files.reduce((n, f) => n + (f.declared ?? 0), 0)
    : undefined;
  const booked = files.reduce((n, f) => n + f.booked, 0);
  const isBalanced = received === booked && (declared === undefined || declared === received);
  return [
    `Pull ${pullId} from ${pull?.peer ?? 'unknown'}: ${pull?.state ?? 'unknown'}${pull?.reason ? ` (${pull.reason})` : ''}`,
    `  members: ${members.map((m) => `${m.n} ${m.outcome}`).join(', ') || 'none'}`,
    `  ${isBalanced ? 'balanced' : 'NOT BALANCED'}: manifest ${declared ?? 'gives no count'} = received ${received} = accounted for ${booked}`,
    '',
    `  ${head}`,
    ...types.map((t) => `  ${line(t, (o) => count(t, o))}`),
    `  ${line('total', (o) => types.reduce((n, t) => n + count(t, o), 0))}`,
    ...(reasons.length > 0 ? ['', `  kept out: ${reasons.map((r) => `${r.n} ${r.reason}`).join(', ')}`] : []),
    '',
    `  Report: ${node.config.baseUrl}/staff/pulls/${pullId}`,
  ].join('\n');
}
