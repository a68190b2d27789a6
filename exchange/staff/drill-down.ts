// /staff/compliance/rows/:list: the rows behind the numbers of the report of a period.

import { BEHIND_LISTS, behindTable } from '../compliance/report/drill-down.ts';
import { instantsOf, quarterOf, readPeriod } from '../compliance/report/period.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { LINES_OF_BUSINESS } from '../members/deadlines/rules.ts';
import { memberKeys } from '../members/member-key.ts';
import { BEHIND_SHOWS, type Behind, peerLines, rowsBehind } from './data/lists.ts';
import { address } from './frame.ts';
import { choice, filterForm } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

/** Ids of records at the payers are rows of the ledger. */
const OF_ROWS: readonly Behind[] = ['held'];
const MOST = 200;

export function behind(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const { timeZone } = deps.config;
  for (const [name, kind] of Object.entries(BEHIND_LISTS)) {
    const list = name as Behind;
    router.page(`/staff/compliance/rows/${list}`, OF_ROWS.includes(list) ? 'rows' : 'counts', async (visit) => {
      const { c } = visit;
      const now = deps.clock();
      const given = c.req.query('period')?.trim() || quarterOf(localDay(now, timeZone));
      const period = readPeriod(given);
      if (period === undefined) return router.notFound(visit, `“${given}” names no days.`);
      const peers = await peerLines(sql);
      const peerId = choice(
        c,
        'peer',
        peers.map((p) => p.id),
      );
      const lob = choice(c, 'lob', Object.keys(LINES_OF_BUSINESS) as (keyof typeof LINES_OF_BUSINESS)[]);
      if (peerId === undefined && c.req.query('peer')) return router.notFound(visit, 'There is no such payer.');
      if (lob === undefined && c.req.query('lob')) return router.notFound(visit, 'There is no such line of business.');
      const shows = BEHIND_SHOWS[list];
      const show = choice(c, 'show', shows) ?? shows[0] ?? 'all';
      const [first, second] = kind.narrowing.map((n) => (n === undefined ? undefined : c.req.query(n)?.slice(0, MOST)));
      const wrong = kind.narrowing.some((n, i) => {
        const known = n === undefined ? undefined : kind.known?.[n];
        const values = [first, second][i]?.split(' ').filter(Boolean) ?? [];
        return known !== undefined && values.some((v) => !known.includes(v));
      });
      if (wrong) return router.notFound(visit, 'The address narrows this list by what is not in it.');
      const rows = await rowsBehind(sql, list, show, {
        ...instantsOf(period, timeZone),
        now,
        peerId: peerId ?? null,
        lob: lob ?? null,
        timeZone,
        first,
        second,
      });
      const keyOf = await memberKeys(deps);
      const members = [...new Set(rows.flatMap((r) => (typeof r['memberId'] === 'string' ? [r['memberId']] : [])))];
      await router.viewed(
        visit,
        `compliance-${list}`,
        `report/${period.name}`,
        list === 'held' ? members : [],
        rows.length,
      );
      const hidden = Object.fromEntries(
        kind.narrowing.flatMap((n, i) => {
          const value = [first, second][i];
          return n === undefined || value === undefined ? [] : [[n, value]];
        }),
      );
      const which = [
        show === 'all' ? undefined : kind.shows[show],
        ...Object.entries(hidden).map(([n, v]) => `${n} ${v.replaceAll(' ', ', ')}`),
        peerId && (peers.find((p) => p.id === peerId)?.name ?? peerId),
        lob && LINES_OF_BUSINESS[lob].name,
        period.name,
      ];
      const report = address('/staff/compliance', {
        period: period.name,
        ...(peerId === undefined ? {} : { peer: peerId }),
        ...(lob === undefined ? {} : { lob }),
      });
      return router.show(visit, {
        title: kind.title,
        place: 'compliance',
        trail: [[report, `Compliance, ${period.name}`]],
        lead: [kind.lead],
        before: filterForm(
          `/staff/compliance/rows/${list}`,
          [
            {
              name: 'show',
              label: 'Which',
              all: kind.shows[shows[0] ?? ''] ?? 'all',
              chosen: show === shows[0] ? undefined : show,
              options: shows.slice(1).map((s) => [s, kind.shows[s] ?? s] as const),
            },
            {
              name: 'peer',
              label: 'Payer',
              all: 'all',
              chosen: peerId,
              options: peers.map((p) => [p.id, p.name] as const),
            },
            {
              name: 'lob',
              label: 'Line of business',
              all: 'all',
              chosen: lob,
              options: Object.entries(LINES_OF_BUSINESS).map(([code, l]) => [code, l.name] as const),
            },
          ].filter((s) => (s.name !== 'show' || shows.length > 1) && (s.name !== 'peer' || kind.isOfPayers)),
          hidden,
          [{ name: 'period', label: 'Period', hint: 'such as 2027-Q1', value: given }],
        ),
        tables: [
          behindTable(list, `${kind.title}: ${which.filter(Boolean).join('; ')}`, rows, {
            timeZone,
            keyOf,
            mayOpen: may(visit.session, 'rows'),
          }),
        ],
      });
    });
  }
}
