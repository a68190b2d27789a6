// /staff/documents: which public documentation was online on a day, and what it was.
import { html } from '../../src/ui/html.ts';
import { dayText } from '../../src/ui/time.ts';
import { instantsOf, readPeriod } from '../compliance/report/period.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { documentChecks } from './data/lists.ts';
import { numberCell, timeCell } from './data/texts.ts';
import { problem } from './frame.ts';
import type { StaffRouter } from './router.ts';

const SHOWN = 200;
const FAULTS: Readonly<Record<string, string>> = {
  unreachable: 'not online: nothing answered at its public address',
  'too-large': 'something else answered: more than 8 MB',
};

export function documents(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  router.page('/staff/documents', 'counts', async (visit) => {
    const today = localDay(deps.clock(), timeZone);
    const day = visit.c.req.query('day') || today;
    const period = /^\d{4}-\d\d-\d\d$/.test(day) ? readPeriod(day) : undefined;
    if (!period) return problem(visit.c, deps, 400, 'No such day', 'A day is written as 2027-03-31.', visit.session);
    const seen = await documentChecks(deps.database.sql, instantsOf(period, timeZone).to, SHOWN);
    return router.show(visit, {
      title: 'Public documentation',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: [
        'Once a day each document is asked for at its public address, as anyone would. What came is kept as its SHA-256; the words are those of the version of the program. A document that is not reached from here may still be online elsewhere: the reason says which.',
      ],
      before: html`<form class="filter" method="get" action="/staff/documents"><label>Up to the end of the day <input type="date" name="day" value="${day}" max="${today}" required></label><button>Show</button></form>`,
      tables: [
        {
          name: 'documents',
          caption: `What was online, up to ${dayText(day)}`,
          columns: [
            { key: 'at', label: 'When', kind: 'head' },
            { key: 'document', label: 'Document' },
            { key: 'result', label: 'Result' },
            { key: 'version', label: 'Version' },
            { key: 'bytes', label: 'Bytes', kind: 'number' },
            { key: 'sha256', label: 'SHA-256', kind: 'hash' },
          ],
          rows: seen.map((d) => [
            timeCell(d.at, timeZone),
            { value: d.url, code: true },
            d.fault === null
              ? { value: 'online', tone: 'calm' as const }
              : {
                  value: d.fault,
                  text: FAULTS[d.fault] ?? `not online: it answered with ${d.status}`,
                  tone: 'act' as const,
                },
            { value: d.version },
            d.bytes === null ? { value: null } : numberCell(d.bytes),
            { value: d.sha256, code: true },
          ]),
          empty: 'It has not been looked yet. A serving node looks once a day.',
        },
      ],
    });
  });
}
