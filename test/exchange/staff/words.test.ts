// The pure parts of the report: the conservation check, clocks and differences in words, codes, and what escapes data.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reportText } from '../../../exchange/commands/report-text.ts';
import { deedWords } from '../../../exchange/compliance/audit/audit-actions.ts';
import { choiceTables } from '../../../exchange/compliance/report/compliance-choice.ts';
import { proofsTable } from '../../../exchange/compliance/report/compliance-found.ts';
import { consentCell, eventCell } from '../../../exchange/members/deadlines/event-texts.ts';
import { CLOCK_RULES } from '../../../exchange/members/deadlines/rules.ts';
import { meaning, OUTCOME_NAMES, OUTCOMES } from '../../../exchange/reconcile/reasons.ts';
import { balance, conservation } from '../../../exchange/requester/report/conservation.ts';
import { differences, whyDifferent } from '../../../exchange/requester/report/difference.ts';
import { byType, type PullReport } from '../../../exchange/requester/report/pull-report.ts';
import { clockCell, spanText, timeText } from '../../../exchange/staff/data/texts.ts';
import { csvRow } from '../../../src/ui/csv.ts';
import { escapeHtml, html } from '../../../src/ui/html.ts';

describe('the conservation check', () => {
  test.each([
    [10, 10, 10, true, false, 'holds', '10 = 10 = 10'],
    [10, 9, 0, false, false, 'broken', '10 ≠ 9 · not recorded'],
    [10, 9, 9, true, true, 'accepted', '10 ≠ 9 = 9'],
    [10, 10, 9, true, true, 'broken', '10 = 10 ≠ 9'],
    [null, 10, 10, true, false, 'holds', 'not declared · 10 = 10'],
    [10, null, 0, false, false, 'open', '10 · not counted · not recorded'],
  ] as const)(
    '%s declared, %s received, %s recorded',
    (declared, received, booked, isBooked, isAccepted, verdict, sum) => {
      expect(balance(declared, received, booked, isBooked, isAccepted)).toMatchObject({ verdict, sum });
    },
  );

  test('two files whose faults cancel out do not balance', () => {
    const file = (position: number, declared: number, units: number) =>
      ({
        position,
        kind: 'output',
        type: 'Goal',
        url: '',
        declared,
        state: 'staged',
        attempts: 0,
        blobKey: null,
        bytes: 1,
        sha256: 'x',
        units,
        lines: units,
        failure: null,
        said: null,
        stagedLines: 0,
        stagedUnits: 0,
      }) as const;
    const ledger = [0, 1].map((f) => ({ file: f, type: 'Goal', outcome: 'created', reason: null, n: 5 }));
    const c = conservation([file(0, 4, 5), file(1, 6, 5)], ledger, true, false);
    expect(c.total).toMatchObject({ declared: 10, received: 10, recorded: 10, verdict: 'broken' });
  });

  test('an outcome that is none is not dropped in silence', () => {
    expect(() => byType([{ file: 0, type: 'Goal', outcome: 'lost', reason: null, n: 1 }])).toThrow('lost');
  });
});

test('whatever the audit says was done has words', () => {
  const files = ['exchange', 'src'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).flatMap((f) => (f.endsWith('.ts') ? join(root, f) : [])),
  );
  const actions = files.flatMap((f) =>
    [...readFileSync(f, 'utf8').matchAll(/\n {4,}action: (?:\w+ \? )?'([a-z-]+)'(?: : '([a-z-]+)')?,\n/g)].flatMap(
      ([, a, b]) => [a, b],
    ),
  );
  const codes = [...new Set(actions.filter((a) => a !== undefined))];
  expect(codes.length).toBeGreaterThan(25);
  expect(codes.filter((a) => deedWords(a) === undefined)).toEqual([]);
  expect([deedWords('pull-unbalanced'), deedWords('pull-'), deedWords('constructor')]).toEqual([
    'pull: Does not balance',
    undefined,
    undefined,
  ]);
});

describe('words', () => {
  const now = new Date('2026-11-24T16:10:00Z');
  const later = (hours: number) => new Date(now.getTime() + hours * 3_600_000);
  test.each([
    [{ state: 'open', dueAt: later(51) }, '2 days 3 hours left', 'calm'],
    [{ state: 'open', dueAt: later(-1) }, 'late by 1 hour', 'act'],
    [{ state: 'met', dueAt: later(-1) }, 'met in time', 'good'],
    [{ state: 'met-late', dueAt: later(0), closedAt: later(2) }, 'met 2 hours late', 'act'],
    [{ state: 'blocked', dueAt: later(1) }, 'blocked', 'look'],
    [{ state: 'attempted', dueAt: later(-24) }, 'asked, late by 1 day', 'act'],
  ])('a clock %o', (clock, value, tone) => {
    expect(clockCell(clock, now)).toMatchObject({ value, tone });
  });

  test('times are those of the plan', () => {
    expect(timeText(now, 'America/New_York')).toBe('Nov 24, 2026, 11:10 AM EST');
    expect(spanText(30_000)).toBe('less than a minute');
  });
});

describe('codes', () => {
  test('every code that the exchange writes has a sentence', () => {
    const folder = join(import.meta.dirname, '../../../exchange');
    const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.ts') && !/^(report|staff)\//.test(f))
      .map((f) => readFileSync(join(folder, f), 'utf8'))
      .join('\n');
    const codes = (pattern: RegExp) => [...new Set([...source.matchAll(pattern)].map((m) => m[1] ?? ''))];
    const unknown = (kind: Parameters<typeof meaning>[0], list: string[]) =>
      list.filter((code) => meaning(kind, code).text.startsWith('Code “'));
    const held = codes(/\b(?:hold|rejected)\('([a-z0-9-]+)'/g);
    const faults = codes(/PeerFault\([`']([a-z0-9-]+?)-?[`'$]/g);
    const findings = codes(/findings\.add\('([a-z0-9-]+)'/g);
    const states = codes(/advance\(\s*s,\s*'[a-z]+',\s*\{ reason: '([a-z-]+)'/g);
    expect([held.length > 8, faults.length > 15, findings.length > 3, states.length > 2]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(unknown('reason', held)).toEqual([]);
    // of one attachment, not of a pull
    const ofAttachments = faults.filter((f) => f.startsWith('attachment'));
    expect(ofAttachments.length).toBeGreaterThan(4);
    expect(unknown('attachment', ofAttachments)).toEqual([]);
    const ofPulls = faults.filter((f) => !ofAttachments.includes(f));
    expect(unknown('pull', [...ofPulls, ...states])).toEqual([]);
    expect(unknown('finding', findings)).toEqual([]);
    expect(Object.keys(OUTCOMES)).toEqual([...OUTCOME_NAMES]);
  });

  test('a code with a number means what its beginning means; others say that they are not known', () => {
    expect(meaning('pull', 'file-404')).toEqual({
      ...meaning('pull', 'file'),
      text: 'A file could not be fetched (HTTP 404).',
    });
    expect(meaning('pull', 'job-failed-500').text).toBe('The other payer’s job failed (HTTP 500).');
    expect(meaning('pull', 'token-invalid_client')).toBe(meaning('pull', 'token'));
    expect(meaning('pull', 'constructor').text).toContain('no sentence');
  });
});

test('the report on a screen says in words why a pull rests, which files are in trouble, and what was noted', () => {
  const sum = { declared: 3, received: null, recorded: 0, verdict: 'open', sum: '3 · not counted · not recorded' };
  const failed = (type: string, failure: string | null) => ({ type, failure });
  const report = {
    pull: { id: 'p1', state: 'partial', reason: 'file-failed' },
    peer: { id: 'old', name: 'Old Harbor' },
    match: [{ outcome: 'matched', n: 2 }],
    conservation: {
      files: [failed('Goal', null), failed('Observation', 'file-403'), failed('Observation', 'file-403')],
      total: sum,
    },
    messageFiles: [{ failure: 'file-404' }],
    parts: [],
    outcomes: [],
    reasons: [],
    attachments: [],
    totals: byType([]).totals,
    findings: [
      { kind: 'peer-redirect', type: null, n: 2 },
      { kind: 'no-provenance', type: 'Goal', n: 1 },
      { kind: 'no-provenance', type: 'Observation', n: 4 },
    ],
  } as unknown as PullReport;
  expect(reportText(report, 'https://plan.example/staff/pulls/p1').split('\n')).toEqual([
    'Pull p1 from Old Harbor: partial (file-failed)',
    '  Files could not be fetched. Ask the other payer; then accept the pull without them.',
    '  members: 2 matched',
    '  not finished: manifest = received = accounted for: 3 · not counted · not recorded',
    '  trouble with 2 files of Observation: A file could not be fetched (HTTP 403).',
    '  trouble with a file of messages: A file could not be fetched (HTTP 404).',
    '',
    '  no lines',
    '',
    '  noted: 2 peer-redirect, 5 no-provenance',
    '',
    '  Report: https://plan.example/staff/pulls/p1',
  ]);
});

describe('differences', () => {
  test('are leaves, with what taking in changes explained', () => {
    const theirs = {
      id: 'a',
      meta: { lastUpdated: 'x' },
      subject: { reference: 'Patient/1' },
      encounter: { reference: 'Encounter/9' },
      list: [1, 2],
    };
    const ours = {
      id: 'b',
      meta: { lastUpdated: 'y' },
      subject: { reference: 'Patient/7' },
      encounter: { identifier: { value: '9' } },
      list: [1, 3],
    };
    const found = differences(theirs, ours);
    expect(found.map((d) => d.path)).toEqual([
      'id',
      'meta.lastUpdated',
      'subject.reference',
      'encounter.reference',
      'encounter.identifier',
      'list[1]',
    ]);
    expect(found.map((d) => whyDifferent(d, new Set())).filter((w) => w === 'The copies differ.')).toHaveLength(1);
    expect(differences(theirs, structuredClone(theirs))).toEqual([]);
  });
});

describe('texts', () => {
  test('no text leaves its place in HTML or CSV', () => {
    fc.assert(
      fc.property(fc.string(), (s) => {
        expect(escapeHtml(s)).not.toMatch(/[<>"']/);
        expect(csvRow([s])).not.toMatch(/^"?[=+@-]/);
      }),
    );
    expect(html`<b title="${'"><i>'}">${['<', html`<i>ok</i>`, undefined, 0]}</b>`.markup).toBe(
      '<b title="&quot;&gt;&lt;i&gt;">&lt;<i>ok</i>0</b>',
    );
    expect(csvRow(['a"b,c\n', null, true])).toBe('"a""b,c\n",,true\r\n');
    expect(csvRow([-5])).toBe('-5\r\n');
  });
});

describe('what began and ended duties, and under which consent something left', () => {
  const id = '0123456789abcdef0123456789abcdef';
  test.each(Object.values(CLOCK_RULES).map((r) => r.start))('%s is in words', (start) => {
    const cell = eventCell(start);
    expect(cell.value).toBe(start);
    expect(cell.text).toMatch(/ /);
  });
  test.each([
    [`pull/${id}`, 'request to the payer 01234567', `/staff/pulls/${id}`],
    [`export/${id}`, 'request 01234567', `/staff/requests/${id}`],
    [`consent/${id}`, 'choice of the member 01234567', undefined],
    ['unheard/of', undefined, undefined],
  ])('%s', (value, text, href) => {
    const cell = eventCell(value);
    expect([cell.value, cell.text, cell.href]).toEqual([value, text, href]);
  });
  test('a consent of a request leads to it, one of ours stands as it is', () => {
    expect(consentCell(`match/${id}/0`)).toMatchObject({
      text: 'sent with request 01234567, member 1',
      href: `/staff/requests/${id}`,
    });
    expect(consentCell('c-1')).toEqual({ value: 'c-1', code: true });
    expect(consentCell(null).value).toBeNull();
  });
});

test('pages take their data from the report, never from the database', () => {
  const folder = join(import.meta.dirname, '../../../exchange/staff');
  const pages = readdirSync(folder).filter((f) => f.endsWith('.ts'));
  const imports = pages.flatMap((f) =>
    [...readFileSync(join(folder, f), 'utf8').matchAll(/from '([^']+)'/g)].map((m) => `${f}: ${m[1] ?? ''}`),
  );
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.filter((i) => /\/src\/db\//.test(i))).toEqual([]);
});

test('a list of requests without a choice in force that is cut says how many there are', () => {
  const view = { timeZone: 'UTC', keyOf: (id: string) => id };
  const missed = [{ direction: 'request', payer: 'P', memberId: 'm1', object: 'pull/1', at: new Date(0) }];
  const captions = (n: number, held: number) =>
    choiceTables([{ direction: 'request', payer: 'P', n, held }], missed, view).map((t) => t.caption);
  expect(captions(1200, 100)[1]).toMatch(/, each: the first 1 of 1,100 \(/);
  expect(captions(1200, 1199)[1]).toMatch(/, each$/);
});

test('that nothing was found in what no one has walked yet is said to be no proof', () => {
  const cells = (walked: number, faults: number) => {
    const { columns, rows } = proofsTable([{ payer: 'P', exports: 3, walked, faults }]);
    return rows[0]?.[columns.findIndex((c) => c.key === 'faults')];
  };
  expect(cells(3, 0)).toEqual({ value: 0, tone: 'calm' });
  expect(cells(0, 0)).toEqual({ value: 0, text: 'not walked yet', tone: 'look' });
  expect(cells(2, 0)).toEqual({ value: 0, text: '0; of 1 not known yet', tone: 'look' });
  expect(cells(2, 4)).toMatchObject({ value: 4, tone: 'act' });
});
