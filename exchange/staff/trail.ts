// /staff/trail: does the audit trail stand as it was written? Every run of its verification, newest first.
import { auditChecks } from '../compliance/audit/trail.ts';
import { count, numberCell, timeCell } from './data/texts.ts';
import type { StaffRouter } from './router.ts';

const SHOWN = 100;

export function trail(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  router.page('/staff/trail', 'counts', async (visit) => {
    const checks = await auditChecks(deps.database.sql, SHOWN);
    const [last] = checks;
    return router.show(visit, {
      title: 'Audit trail',
      place: 'events',
      trail: [['/staff/events', 'Security']],
      lead: [
        last === undefined
          ? 'The trail has not been verified yet. It is verified by itself once a day.'
          : last.faults === 0
            ? `Audit trail: verified, no changes: ${count(last.rows, 'row', 'rows')} in ${count(last.seals, 'seal', 'seals')}, and ${count(last.waiting, 'row', 'rows')} not sealed yet. What was written since is verified with the next run, at most a day later; payer-node audit verify does it now.${checks.length === 1 && last.byKind === 'system' ? ' This was the first run, right after the node began, when there was hardly anything to verify.' : ''}`
            : `When it was last verified, the trail had been changed: ${last.firstFaults.join(' ')}`,
        'Every row carries its own hash; seals chain the rows and are signed. A run recomputes all of it. To prove that the end was not cut off, keep the newest head elsewhere (payer-node audit head) and compare with it (payer-node audit verify --head FILE): the column “Compared with” names the seal that was kept.',
      ],
      tables: [
        {
          name: 'checks',
          caption: 'Verifications',
          columns: [
            { key: 'at', label: 'When', kind: 'head' },
            { key: 'by', label: 'By' },
            { key: 'result', label: 'Result' },
            { key: 'rows', label: 'Rows', kind: 'number' },
            { key: 'seals', label: 'Seals', kind: 'number' },
            { key: 'waiting', label: 'Not sealed yet', kind: 'number' },
            { key: 'known', label: 'Compared with' },
            { key: 'head', label: 'Newest head' },
            { key: 'faults', label: 'What was wrong' },
          ],
          rows: checks.map((c) => [
            timeCell(c.at, timeZone),
            { value: c.byKind === 'system' ? 'the node, daily' : c.by },
            c.faults === 0
              ? { value: 'stands', tone: 'calm' as const }
              : { value: 'changed', text: `changed: ${c.faults} faults`, tone: 'act' as const },
            numberCell(c.rows),
            numberCell(c.seals),
            numberCell(c.waiting),
            { value: c.knownSeal, text: c.knownSeal === null ? 'no head from elsewhere' : `seal ${c.knownSeal}` },
            {
              value: c.headRoot,
              text: c.headRoot === null ? 'none' : `seal ${c.headSeal} ${c.headRoot.slice(0, 16)}…`,
              code: true,
            },
            { value: c.firstFaults.join(' ') },
          ]),
          empty: 'The trail has not been verified yet.',
        },
      ],
    });
  });
}
