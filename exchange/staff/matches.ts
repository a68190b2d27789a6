// How each member of a batch was decided, in words and with scores. All questions, the newest first: staff/security.ts.

import type { Cell } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import { chanceOf, chanceText, explainMatch, qualityOf } from '../responder/match/rules.ts';
import { findRequest, type MatchDecision, pageDecisions } from './data/lists.ts';
import { codeCell } from './data/texts.ts';
import { withQuery } from './frame.ts';
import { hiddenCell } from './masking.ts';
import { choice, cut, filterForm, rowsOf } from './paging.ts';
import type { StaffRouter } from './router.ts';

const OUTCOMES = {
  match: 'matched',
  nomatch: 'reported as not matched',
  consentconstraint: 'reported as held by consent',
} as const;
const ATTESTED: Readonly<Record<string, string>> = {
  coverage: 'its coverage with the asker',
  signed: 'a statement signed by the asker',
  document: 'a standing statement on file',
};

const COLUMNS = [
  { key: 'member', label: 'Our member' },
  { key: 'told', label: 'Outcome' },
  { key: 'reason', label: 'Reason' },
  { key: 'why', label: 'How it was decided' },
  { key: 'score', label: 'Score', kind: 'number' as const },
  { key: 'chance', label: 'Chance of a coincidence', kind: 'number' as const },
  { key: 'consent', label: 'Consent' },
  { key: 'attested', label: 'Attested by' },
];

function cells(d: MatchDecision): Cell[] {
  const isOne = d.reason !== 'ambiguous';
  const consent = d.policy === null ? null : `${d.policy}, ${d.from} to ${d.to}`;
  return [
    d.memberId === null ? { value: null } : { value: d.memberId, code: true, href: `/staff/members/${d.memberId}` },
    { value: d.outcome, text: OUTCOMES[d.outcome] },
    codeCell(d.reason, 'decision'),
    { value: explainMatch(d.reason, d.rule, d.fuzzy) },
    { value: isOne ? (qualityOf(d.rule) ?? null) : null },
    { value: isOne ? chanceText(chanceOf(d.rule, d.fuzzy)) : null },
    d.policy === null
      ? { value: null }
      : {
          value: consent,
          text: `${d.policy === 'sensitive' ? 'with' : 'without'} sensitive records, ${dayText(d.from ?? '')} to ${dayText(d.to ?? '')}`,
        },
    { value: d.attestation, text: d.attestation === null ? '' : (ATTESTED[d.attestation] ?? d.attestation) },
  ];
}

export function matches(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const seen = (found: readonly MatchDecision[]) =>
    [...new Set(found.map((d) => d.memberId))].filter((id): id is string => id !== null);

  router.page('/staff/requests/:id/members', 'rows', async (visit) => {
    const request = await findRequest(sql, visit.c.req.param('id') ?? '');
    if (request?.kind !== 'match') return router.notFound(visit, 'There is no such batch.');
    const outcome = choice(visit.c, 'outcome', ['match', 'nomatch', 'consentconstraint'] as const);
    const from = /^\d{1,9}$/.exec(visit.c.req.query('from') ?? '')?.[0];
    const { rows, last } = cut(
      await pageDecisions(sql, request.id, { outcome }, rowsOf(visit.c) + 1, Number(from ?? -1)),
      rowsOf(visit.c),
    );
    await router.viewed(visit, 'match', `match/${request.id}`, seen(rows), rows.length);
    const here = `/staff/requests/${request.id}`;
    return router.show(visit, {
      title: `Members of a batch, asked by ${request.peerName}`,
      place: 'requests',
      trail: [
        ['/staff/requests', 'Requests to us'],
        [here, request.id.slice(0, 8)],
      ],
      lead: [
        'Each member as it was decided. The score is the quality that the proposal for patient matching gives to what agreed; rules decide, not scores. That you look is recorded for the members.',
      ],
      before: filterForm(`${here}/members`, [
        { name: 'outcome', label: 'Outcome', all: 'all', chosen: outcome, options: Object.entries(OUTCOMES) },
      ]),
      tables: [
        {
          name: 'members',
          caption: 'Members',
          columns: [{ key: 'asked', label: 'Asked as', kind: 'head' as const }, ...COLUMNS],
          rows: rows.map((d) => [{ ...hiddenCell('number', d.submittedId), code: true }, ...cells(d)]),
          empty: 'Nothing is decided yet.',
        },
      ],
      next: last && withQuery(visit.c.req.url, { from: String(last.position) }),
    });
  });
}
