// Why duties were late: the fields of the form, and one reason for all of a list that have none.
import { html, type Safe } from '../../src/ui/html.ts';
import { noteAll } from '../members/deadlines/deadline-history.ts';
import { type ClockKind, LATE_REASONS, lateReasons } from '../members/deadlines/rules.ts';
import { peerLines } from './data/lists.ts';
import { grouped } from './data/texts.ts';
import { readClockList } from './deadline-list.ts';
import { csrfField, problem, withQuery } from './frame.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/clocks/reasons';

/** `typed`: what was sent and could not be taken. */
export const reasonFields = (kind: string, typed?: URLSearchParams): Safe =>
  html`
<p><label>Reason <select name="reason" required><option value="">choose one</option>${lateReasons(kind).map((code) => html`<option value="${code}"${typed?.get('reason') === code ? html` selected` : ''}>${LATE_REASONS[code]}</option>`)}</select></label></p>
<p><label>Number of the corrective action <span class="hint">– needed for a lateness of ours</span> <input name="corrective_action" maxlength="100" autocomplete="off" value="${typed?.get('corrective_action') ?? ''}"></label></p>
<p><label>In your words <textarea name="words" rows="3" maxlength="1000">${typed?.get('words') ?? ''}</textarea></label></p>`;

export function readReason(form: URLSearchParams): { reason: string; correctiveAction: string; words: string } {
  const get = (name: string) => (form.get(name) ?? '').trim();
  return { reason: get('reason'), correctiveAction: get('corrective_action'), words: get('words') };
}

/** Which list it is; not which page of it. */
const searchOf = (visit: Visit): string => new URL(withQuery(visit.c.req.url, { after: '' }), visit.c.req.url).search;

/** For all late duties of a list that have no reason yet, not for those of a page alone. */
export const allForm = (visit: Visit, kind: ClockKind, n: number): Safe =>
  html`<details><summary>One reason for all ${grouped(n)} that are late and have none yet</summary><p>Not only for those that are shown. Each gets a note of its own, as if it were said at each.</p><form method="post" action="${PATH}${searchOf(visit)}">${csrfField(visit.session)}<input type="hidden" name="n" value="${n}">${reasonFields(kind)}<p><button>Record it for all ${grouped(n)}</button></p></form></details>`;

export function clockReasons(router: StaffRouter): void {
  const { deps } = router;
  router.form(PATH, 'decide', async (visit, form) => {
    const list = readClockList(visit.c, deps, await peerLines(deps.database.sql));
    const { duty } = list.scope;
    if (duty === undefined) return router.notFound(visit, 'Reasons are given for duties of one kind.');
    const asked = { filter: list.filter, scope: list.scope, kind: duty, seen: Number(form.get('n')) };
    const fault = await noteAll(deps, visit.session, asked, readReason(form), visit.requestId);
    return fault === undefined
      ? visit.c.redirect(`/staff/clocks${searchOf(visit)}`, 303)
      : problem(visit.c, deps, 400, 'Not recorded', fault, visit.session);
  });
}
