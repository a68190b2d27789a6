// /staff/members/:member/looks: who looked at a member's data and what was done, all of it, newest first.
import { memberBehind } from '../compliance/disclosures/disclosures.ts';
import { idsOfPerson, memberAuditBefore } from '../compliance/disclosures/member-account.ts';
import { address } from './frame.ts';
import { looksTable } from './member-tables.ts';
import { cut, rowsOf } from './paging.ts';
import type { StaffRouter } from './router.ts';

const PATH = '/staff/members/:member/looks';

export function looks(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  router.page(PATH, 'rows', async (visit) => {
    const member = visit.c.req.param('member') ?? '';
    if ((await memberBehind(deps, member)) !== member) return router.notFound(visit, 'There is no such member.');
    const before = /^\d{1,18}$/.exec(visit.c.req.query('before') ?? '')?.[0];
    const found = await memberAuditBefore(
      deps.database.sql,
      await idsOfPerson(deps.database.sql, member),
      before,
      rowsOf(visit.c) + 1,
    );
    const { rows, last } = cut(found, rowsOf(visit.c));
    await router.viewed(visit, 'looks', `member/${member}/looks`, [member], rows.length);
    return router.show(visit, {
      title: 'Who looked at this member’s data',
      place: 'members',
      trail: [
        ['/staff/members', 'Members'],
        [`/staff/members/${member}`, 'Member'],
      ],
      lead: [
        'Every look, request, delivery and decision that concerned the member, newest first. Looks are the rows that say “looked” (“view” in CSV and JSON); this one is among them the next time.',
      ],
      tables: [looksTable('Who looked, and what was done', rows, timeZone)],
      next: last === undefined ? undefined : address(`/staff/members/${member}/looks`, { before: last.seq }),
    });
  });
}
