// /staff/clocks/concurrent: members covered elsewhere too, whose payer there was last asked more than three months ago.

import { memberKeys } from '../members/member-key.ts';
import { meaning } from '../reconcile/reasons.ts';
import { askedLongAgo } from './data/lists.ts';
import { CLOCK_KINDS, clockCell, memberCell, timeCell } from './data/texts.ts';
import { FILE_ROWS, PAGE } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

export function concurrent(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  router.page('/staff/clocks/concurrent', 'counts', async (visit) => {
    const now = deps.clock();
    const rows = await askedLongAgo(deps.database.sql, now, timeZone, FILE_ROWS);
    const ofAll = rows[0]?.ofAll ?? 0;
    const keyOf = await memberKeys(deps);
    await router.viewed(visit, 'clocks', 'clocks/concurrent', [], rows.length);
    return router.show(visit, {
      title: 'Last asked more than three months ago',
      place: 'clocks',
      trail: [['/staff/clocks', 'Clocks']],
      lead: [
        'Members who have opted in and whose coverage elsewhere goes on, with the last request to that payer when it is older than three months. Who has not been asked at all is under Clocks, duty “Request a member’s history”.',
      ],
      tables: [
        {
          name: 'concurrent',
          caption: 'Concurrent coverage, the longest ago first',
          most: PAGE,
          ofAll,
          columns: [
            { key: 'member', label: 'Member', kind: 'head' },
            { key: 'payer', label: 'Other payer' },
            { key: 'ends', label: 'Covered there until' },
            { key: 'asked', label: 'Last asked' },
            { key: 'answer', label: 'Answer' },
            { key: 'duty', label: 'Duty to ask again' },
            { key: 'due', label: 'Due' },
            { key: 'stands', label: 'Stands at' },
          ],
          rows: rows.map((s) => [
            memberCell(keyOf(s.memberId), s.memberId, may(visit.session, 'rows')),
            { value: s.peerId, text: s.payer },
            { value: s.ends, text: s.ends ?? 'goes on' },
            { ...timeCell(s.askedAt, timeZone), href: `/staff/pulls/${s.pullId}` },
            { value: s.outcome, text: s.outcome === null ? 'none' : meaning('match', s.outcome).text },
            s.clockId === null || s.kind === null
              ? { value: null, text: 'none' }
              : { value: s.kind, text: CLOCK_KINDS[s.kind] ?? s.kind, href: `/staff/clocks/${s.clockId}` },
            timeCell(s.dueAt, timeZone),
            s.state === null || s.dueAt === null
              ? { value: null }
              : clockCell({ state: s.state, dueAt: s.dueAt, closedAt: s.closedAt, kind: s.kind ?? '' }, now),
          ]),
          empty: 'None: no member’s last request is older than that.',
        },
      ],
    });
  });
}
