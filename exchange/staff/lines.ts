// /staff/pulls/:id/lines: the rows behind a figure; and one row with its source beside our record.
import { html } from '../../src/ui/html.ts';
import type { Cell, Table } from '../../src/ui/table.ts';
import { FINDINGS, meaning, OUTCOME_NAMES, OUTCOMES, UNIT_REASONS } from '../reconcile/reasons.ts';
import { attachmentTable } from '../requester/report/attachments.ts';
import { type Difference, whyDifferent } from '../requester/report/difference.ts';
import { ledgerLines, type Place } from '../requester/report/lines.ts';
import { linksTable, linkWords } from '../requester/report/link-words.ts';
import { type RecordReport, recordReport } from '../requester/report/record.ts';
import { codeCell, count, memberCell, timeCell } from './data/texts.ts';
import { type StaffContext, withQuery } from './frame.ts';
import { hiddenCell } from './masking.ts';
import { choice, cut, filterForm, PAGE, rowsOf } from './paging.ts';
import type { StaffRouter } from './router.ts';

function readPlace(text: string | undefined): Place | undefined {
  const m = /^(\d{1,9})-(\d{1,9})-(\d{1,9})$/.exec(text ?? '');
  return m ? { file: Number(m[1]), line: Number(m[2]), entry: Number(m[3]) } : undefined;
}
const small = (text: string | undefined): number | undefined =>
  /^\d{1,9}$/.test(text ?? '') ? Number(text) : undefined;
const word = (text: string | undefined): string | undefined =>
  text !== undefined && /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(text) ? text : undefined;

function readFilter(c: StaffContext) {
  return {
    outcome: choice(c, 'outcome', OUTCOME_NAMES),
    reason: choice(c, 'reason', ['none', ...Object.keys(UNIT_REASONS)]),
    finding: choice(c, 'finding', Object.keys(FINDINGS)),
    type: word(c.req.query('type')),
    file: small(c.req.query('file')),
    member: word(c.req.query('member')),
  };
}

const differenceTable = (
  name: string,
  caption: string,
  labels: [string, string],
  rows: Difference[],
  why?: (d: Difference) => string,
): Table => ({
  name,
  caption,
  columns: [
    { key: 'member', label: 'Part of the record', kind: 'head' },
    { key: 'first', label: labels[0] },
    { key: 'second', label: labels[1] },
    ...(why ? [{ key: 'why', label: 'Why' }] : []),
  ],
  rows: rows.map((d) => [
    { value: d.path, code: true },
    { value: d.theirs, ...(d.theirs === null ? { text: 'not there' } : {}) },
    { value: d.ours, ...(d.ours === null ? { text: 'not there' } : {}) },
    ...(why ? [{ value: why(d) }] : []),
  ]),
  empty: 'The copies are the same.',
});

/** What the other payer calls a record; of a Patient it is its number of the member. */
const sourceCell = (l: { type: string | null; sourceId: string | null }): Cell => ({
  ...(l.type === 'Patient' ? hiddenCell('number', l.sourceId) : { value: l.sourceId }),
  code: true,
});

function factTable(r: RecordReport, timeZone: string): Table {
  const { line } = r;
  const row = (name: string, cell: Cell, more = ''): Cell[] => [{ value: name }, cell, { value: more }];
  const { outcome, reason } = line;
  const means = OUTCOME_NAMES.includes(outcome as never) ? meaning('outcome', outcome) : undefined;
  const because = reason === null ? undefined : meaning('reason', reason);
  return {
    name: 'row',
    caption: 'What became of this line',
    columns: [
      { key: 'fact', label: 'Fact', kind: 'head' },
      { key: 'value', label: 'Value' },
      { key: 'meaning', label: 'In words' },
    ],
    rows: [
      row('Outcome', codeCell(outcome, 'outcome'), means?.text),
      ...(because ? [row('Reason', codeCell(reason, 'reason'), `${because.text} To do: ${because.todo}`)] : []),
      ...r.findings.map((f) =>
        row(
          'Finding',
          codeCell(f.kind, 'finding'),
          `${meaning('finding', f.kind).text} To do: ${meaning('finding', f.kind).todo}`,
        ),
      ),
      row('Type', { value: line.type, text: line.type ?? 'no type' }),
      row('Id at the other payer', sourceCell(line)),
      row(
        'Our id',
        { value: line.localId, code: true },
        r.ours && !r.ours.isAsReceived ? 'Our record is another version than this line.' : '',
      ),
      row('Member', memberCell(r.memberKey, line.memberId)),
      row('Last changed there', timeCell(line.lastUpdated, timeZone)),
      row('SHA-256 of the content', { value: line.hash, code: true }),
    ],
    empty: '',
  };
}

function recordTables(r: RecordReport, timeZone: string): Table[] {
  const findings = new Set(r.findings.map((f) => f.kind));
  const tables: Table[] = [factTable(r, timeZone)];
  if (r.ours)
    tables.push(
      differenceTable(
        'differences',
        'How our record differs from what came',
        ['As received', 'Ours'],
        r.differences,
        (d) => whyDifferent(d, findings),
      ),
    );
  if (r.attachments.length > 0) tables.push(attachmentTable(r.attachments, (a) => a.type));
  if (r.linked.length > 0) tables.push(linksTable(r.linked));
  for (const [i, l] of r.linked.entries())
    tables.push({
      ...differenceTable(
        `linked-${i + 1}`,
        `${linkWords(l)[0]} record ${shortId(l.otherId)}`,
        ['This record', 'The other record'],
        l.differences,
      ),
      empty: l.text === null ? 'The other record is no longer there.' : 'Both say the same.',
    });
  tables.push(
    {
      name: 'versions',
      caption: 'Versions of our record',
      columns: [
        { key: 'version', label: 'Version', kind: 'head' },
        { key: 'since', label: 'Since' },
        { key: 'state', label: 'State' },
        { key: 'hash', label: 'SHA-256 of the content', kind: 'hash' },
      ],
      rows: r.versions.map((v) => [
        { value: v.version },
        timeCell(v.lastUpdated, timeZone),
        { value: v.deleted ? 'hidden' : v.isCurrent ? 'current' : 'replaced' },
        { value: v.hash, code: true },
      ]),
      empty: 'We keep no record of ours for this line.',
    },
    {
      name: 'provenance',
      caption: 'Statements of origin (Provenance)',
      columns: [
        { key: 'id', label: 'Provenance', kind: 'head' },
        { key: 'recorded', label: 'Recorded' },
        { key: 'activity', label: 'Activity' },
        { key: 'who', label: 'Who' },
        { key: 'from', label: 'Stated by' },
      ],
      rows: r.origins.map((o) => [
        { value: o.id, code: true },
        timeCell(o.recorded, timeZone),
        { value: o.activity },
        { value: o.who },
        { value: o.from },
      ]),
      empty: 'None for this line.',
    },
  );
  return tables;
}

export function lines(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;

  router.page('/staff/pulls/:id/lines', 'rows', async (visit) => {
    const { c } = visit;
    const filter = readFilter(c);
    const found = await ledgerLines(
      deps,
      c.req.param('id') ?? '',
      filter,
      rowsOf(c) + 1,
      readPlace(c.req.query('after')),
    );
    if (!found) return router.notFound(visit, 'There is no such pull.');
    const { rows, last } = cut(found.lines, rowsOf(c));
    const path = `/staff/pulls/${found.pullId}`;
    await router.viewed(
      visit,
      'lines',
      `pull/${found.pullId}`,
      rows.flatMap((l) => (l.memberId === null ? [] : [l.memberId])),
      rows.length,
    );
    const hidden = Object.fromEntries(
      (['type', 'file', 'member', 'finding'] as const).flatMap((k) =>
        filter[k] === undefined ? [] : [[k, String(filter[k])]],
      ),
    );
    const chosen = Object.entries(filter).flatMap(([k, v]) => (v === undefined ? [] : [`${k} ${v}`]));
    return router.show(visit, {
      title: 'Received lines',
      place: 'pulls',
      trail: [
        ['/staff/pulls', 'Pulls'],
        [path, `Pull from ${found.peerName}`],
      ],
      lead: [
        `${count(found.total, 'line')}${chosen.length === 0 ? '' : ` with ${chosen.join(', ')}`}. In the order in which they came; at most ${PAGE} on a page.`,
        ...(filter.outcome === undefined ? [] : [OUTCOMES[filter.outcome].text]),
        ...(filter.reason === undefined || filter.reason === 'none' ? [] : [meaning('reason', filter.reason).text]),
        ...(filter.finding === undefined ? [] : [meaning('finding', filter.finding).text]),
      ],
      before: [
        filterForm(
          `${path}/lines`,
          [
            {
              name: 'outcome',
              label: 'Outcome',
              all: 'all outcomes',
              chosen: filter.outcome,
              options: OUTCOME_NAMES.map((o) => [o, o] as const),
            },
            {
              name: 'reason',
              label: 'Reason',
              all: 'all reasons',
              chosen: filter.reason,
              options: [['none', 'no reason'] as const, ...Object.keys(UNIT_REASONS).map((k) => [k, k] as const)],
            },
          ],
          hidden,
        ),
        Object.keys(hidden).length > 0 &&
          html`<p class="files"><a href="${path}/lines">Show all lines of this pull</a></p>`,
      ],
      tables: [
        {
          name: 'lines',
          caption: 'Lines',
          columns: [
            { key: 'line', label: 'File, line, entry', kind: 'head' },
            { key: 'outcome', label: 'Outcome' },
            { key: 'reason', label: 'Reason' },
            { key: 'type', label: 'Type' },
            { key: 'sourceId', label: 'Id at the other payer' },
            { key: 'member', label: 'Member' },
            { key: 'lastUpdated', label: 'Last changed there' },
          ],
          rows: rows.map((l) => [
            {
              value: `${l.file}-${l.line}-${l.entry}`,
              text: `${l.file}, ${l.line}, ${l.entry}`,
              href: `${path}/lines/${l.file}/${l.line}/${l.entry}`,
            },
            codeCell(l.outcome, 'outcome'),
            codeCell(l.reason, 'reason'),
            { value: l.type, text: l.type ?? 'no type' },
            sourceCell(l),
            memberCell(l.memberKey, l.memberId),
            timeCell(l.lastUpdated, timeZone),
          ]),
          empty: 'No line of this pull is like that.',
        },
      ],
      next: last && withQuery(c.req.url, { after: `${last.file}-${last.line}-${last.entry}` }),
    });
  });

  router.page('/staff/pulls/:id/lines/:file/:line/:entry', 'rows', async (visit) => {
    const { c } = visit;
    const at = readPlace(`${c.req.param('file') ?? ''}-${c.req.param('line') ?? ''}-${c.req.param('entry') ?? ''}`);
    const r = at && (await recordReport(deps, c.req.param('id') ?? '', at));
    if (!at || !r) return router.notFound(visit, 'There is no such line.');
    const path = `/staff/pulls/${r.pullId}`;
    await router.viewed(
      visit,
      'record',
      `pull/${r.pullId}/${at.file}/${at.line}/${at.entry}`,
      r.line.memberId === null ? [] : [r.line.memberId],
      1,
    );
    return router.show(visit, {
      title: `${r.line.type ?? 'Line'} in file ${at.file}, line ${at.line}${at.entry > 0 ? `, entry ${at.entry}` : ''}`,
      place: 'pulls',
      trail: [
        ['/staff/pulls', 'Pulls'],
        [path, `Pull from ${r.peerName}`],
        [`${path}/lines`, 'Lines'],
      ],
      tables: recordTables(r, timeZone),
      texts: [
        {
          name: 'received',
          caption: `As received from ${r.peerName}`,
          ...('text' in r.received ? r.received : { text: r.received.fault, isOurs: true }),
        },
        {
          name: 'ours',
          caption: r.ours ? `Ours, version ${r.ours.version.version}` : 'Ours',
          ...(r.ours ?? { text: 'We keep no record of ours for this line.', isOurs: true }),
        },
        ...r.linked.flatMap((l, i) =>
          l.text === null
            ? []
            : [{ ...l, text: l.text, name: `linked-record-${i + 1}`, caption: `Linked: ${shortId(l.otherId)}` }],
        ),
      ],
    });
  });
}

/** Enough of a long random id to tell records apart; a short one whole. */
function shortId(id: string): string {
  return id.length > 20 ? `${id.slice(0, 8)}…` : id;
}
