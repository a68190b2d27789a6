// /staff/restores: backups that were restored to see that they can be, when the next one is due, and the form that records one.
import { html } from '../../src/ui/html.ts';
import { DRILL_FAULTS, drillDue, recordDrill, restoreDrills } from '../compliance/restore/restore-drill.ts';
import { count, numberCell, timeCell, timeText } from './data/texts.ts';
import { problem } from './frame.ts';
import { actionForm } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

const PATH = '/staff/restores';
const MOST_SHOWN = 200;

export function drills(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone, restoreDrillDays } = deps.config;

  router.page(PATH, 'counts', async (visit) => {
    const all = await restoreDrills(deps.database.sql, MOST_SHOWN);
    const due = await drillDue(deps);
    const isOver = due !== undefined && due < deps.clock();
    const last = all.find((d) => d.isOk);
    const isAdmin = may(visit.session, 'peers');
    return router.show(visit, {
      title: 'Restores of backups',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: [
        last === undefined
          ? 'No backup of this node is known to restore: none was ever restored, checked and recorded here.'
          : `A backup was last restored and found whole on ${timeText(last.checkedAt ?? last.at, timeZone)}.`,
        due === undefined
          ? restoreDrillDays === 0
            ? 'No drill is asked for (RESTORE_DRILL_DAYS is 0).'
            : 'The next one is due when the node has begun its work.'
          : `The next one ${isOver ? 'was' : 'is'} due by ${timeText(due, timeZone)}: every ${count(restoreDrillDays, 'day', 'days')} (RESTORE_DRILL_DAYS). ${isOver ? 'An alert stands until one went well.' : ''}`,
        'Restore a backup (database, BLOBS_DIR and KEYS_DIR) beside this node, run payer-node drill check --out FILE there, and record what it wrote here. It is signed by the keys of the copy, and taken only when it is a copy of this node.',
      ],
      tables: [
        {
          name: 'restores',
          caption: 'Restores that were tried',
          columns: [
            { key: 'at', label: 'Recorded', kind: 'head' },
            { key: 'by', label: 'By' },
            { key: 'backup', label: 'Backup' },
            { key: 'result', label: 'Result' },
            { key: 'faults', label: 'What was wrong' },
            { key: 'checked', label: 'Copy checked' },
            { key: 'reached', label: 'Reached to' },
            { key: 'seal', label: 'Seal', kind: 'number' },
            { key: 'minutes', label: 'Minutes it took', kind: 'number' },
            { key: 'note', label: 'To be done better' },
            { key: 'sha256', label: 'SHA-256 of the check' },
          ],
          rows: all.map((d) => [
            timeCell(d.at, timeZone),
            { value: d.bySubject },
            { value: d.backup },
            d.isOk ? { value: 'whole', tone: 'calm' as const } : { value: 'failed', tone: 'act' as const },
            { value: d.faults.join(' ') },
            timeCell(d.checkedAt, timeZone),
            timeCell(d.headAt, timeZone),
            d.headSeal === null ? { value: null } : numberCell(d.headSeal),
            d.minutes === null ? { value: null } : numberCell(d.minutes),
            { value: d.note },
            { value: d.sha256, code: true },
          ]),
          empty: 'No restore was ever recorded.',
        },
      ],
      after: isAdmin
        ? html`<section class="box"><h2>Record one</h2>${actionForm(
            visit.session,
            `${PATH}/record`,
            'Record it',
            html`<p><label for="d-backup">Backup <span class="hint">– when it was made, and where it lay</span></label><input id="d-backup" name="backup" required maxlength="1000"></p>
<p><label for="d-minutes">Minutes until the copy could serve <span class="hint">– may be left out</span></label><input id="d-minutes" name="minutes" inputmode="numeric" maxlength="6"></p>
<p><label for="d-document">What drill check wrote <span class="hint">– the text of the file, as it is</span></label><textarea id="d-document" name="document" rows="5" spellcheck="false"></textarea></p>
<p><label for="d-failure">Or why nothing could be restored</label><textarea id="d-failure" name="failure" rows="2" maxlength="1000"></textarea></p>
<p><label for="d-note">To be done better <span class="hint">– may be left out</span></label><textarea id="d-note" name="note" rows="2" maxlength="1000"></textarea></p>`,
          )}</section>`
        : html`<p class="hint">Administrators record restores.</p>`,
    });
  });

  router.form(`${PATH}/record`, 'peers', async (visit, form) => {
    const given = (name: string) => form.get(name) ?? '';
    const { session, requestId } = visit;
    const done = await recordDrill(
      deps,
      {
        document: given('document'),
        failure: given('failure'),
        backup: given('backup'),
        note: given('note'),
        minutes: given('minutes'),
      },
      { kind: 'staff', subject: session.subject, requestId, isDevelopment: session.development },
    );
    if ('fault' in done) return problem(visit.c, deps, 400, 'Not recorded', DRILL_FAULTS[done.fault], session);
    return visit.c.redirect(PATH, 303);
  });
}
