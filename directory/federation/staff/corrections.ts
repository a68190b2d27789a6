// /staff/federation/corrections: what providers say is wrong in our directory, by the day on which it must be put right; and links
// for those who are to attest.
import { localDay } from '../../../src/calendar/federal.ts';
import { html, type Part } from '../../../src/ui/html.ts';
import type { Table } from '../../../src/ui/table.ts';
import { timeCell } from '../../../src/ui/time.ts';
import type { StaffData } from '../staff-data.ts';
import { csrf, isAdmin, ROOT, TRAIL } from './frame.ts';
import type { PortVisit, StaffRouter } from './port.ts';

const PATH = `${ROOT}/corrections`;
const RESOLUTIONS = {
  changed: 'Our directory was changed',
  kept: 'Our directory is right as it is',
  other: 'It is not ours to change',
};

export function correctionPages<V extends PortVisit>(router: StaffRouter<V>, data: StaffData): void {
  const page = async (visit: V, said: Part = '') => {
    const list = await data.corrections();
    const today = localDay(data.clock(), data.config.timeZone);
    const table: Table = {
      name: 'corrections',
      caption: 'What providers say is wrong',
      columns: [
        { key: 'due', label: 'Due', kind: 'head' },
        { key: 'state', label: 'State' },
        { key: 'record', label: 'Record' },
        { key: 'said', label: 'What is wrong' },
        { key: 'who', label: 'Who says so' },
        { key: 'received', label: 'Received' },
        { key: 'final', label: 'At the latest' },
        { key: 'settled', label: 'Settled' },
        { key: 'by', label: 'By' },
      ],
      rows: list.map((c) => [
        { value: c.dueOn },
        c.settledAt === null
          ? c.finalOn < today
            ? { value: 'beyond thirty days', tone: 'act' as const }
            : c.dueOn < today
              ? { value: 'late', tone: 'act' as const }
              : { value: 'open', tone: 'look' as const }
          : {
              value: localDay(c.settledAt, data.config.timeZone) > c.dueOn ? 'settled late' : 'settled',
              tone: 'calm' as const,
            },
        { value: c.key, href: `/provider/${c.key}` },
        { value: c.said },
        { value: c.who },
        timeCell(c.receivedAt, data.config.timeZone),
        { value: c.finalOn },
        c.settledAt === null ? { value: null } : { value: c.resolution },
        { value: c.settledBy },
      ]),
      empty: 'Nothing was said to be wrong.',
      note: 'Due within two business days of receipt (No Surprises Act, section 116), at the latest within thirty days (42 CFR 422.111(m)). Correct the source that the directory is loaded from, then settle it here.',
    };
    const open = list.filter((c) => c.settledAt === null);
    return router.show(visit, {
      title: 'Corrections of providers',
      place: 'federation',
      trail: TRAIL,
      ...(isAdmin(visit) ? { before: said, after: forms(visit, open) } : {}),
      tables: [table],
    });
  };
  router.page(PATH, 'counts', (visit) => page(visit));
  router.form(PATH, 'peers', async (visit, form) => {
    const get = (field: string) => (form.get(field) ?? '').trim();
    if (get('what') === 'link') {
      const url = await data.attestLink(get('key'), visit.session.subject);
      return url === undefined
        ? router.notFound(visit, 'There is no such person or organization in our own directory.')
        : page(
            visit,
            html`<section class="box" role="status"><h2>The link, shown this once</h2><p><code>${url}</code></p><p>Anyone with it can attest for ninety days: send it to the provider only.</p></section>`,
          );
    }
    const resolution = get('resolution');
    if (!Object.hasOwn(RESOLUTIONS, resolution)) return router.notFound(visit, 'Say how it was settled.');
    const done =
      /^\d{1,18}$/.test(get('id')) &&
      (await data.settleCorrection(
        get('id'),
        [RESOLUTIONS[resolution as keyof typeof RESOLUTIONS], get('note').slice(0, 500)].filter(Boolean).join(': '),
        visit.session.subject,
      ));
    return done
      ? visit.c.redirect(PATH, 303)
      : router.notFound(visit, 'There is no such correction, or it is settled.');
  });
}

function forms(visit: PortVisit, open: readonly { id: string; key: string; said: string }[]): Part {
  const link = html`<section class="box"><h2>A link for a provider</h2><p>For many at once: payer-node harvest attest-links.</p><form class="filter" method="post" action="${PATH}">${csrf(visit)}<div><label for="key">Entry <span class="hint">Practitioner/id or Organization/id</span></label><input id="key" name="key" required></div><button name="what" value="link">Make a link</button></form></section>`;
  const settle =
    open.length === 0
      ? ''
      : html`<section class="box"><h2>Settle a correction</h2><form class="filter" method="post" action="${PATH}">${csrf(visit)}<div><label for="id">Correction</label><select id="id" name="id">${open.map((o) => html`<option value="${o.id}">${o.key}: ${o.said.slice(0, 60)}</option>`)}</select></div><div><label for="resolution">How</label><select id="resolution" name="resolution">${Object.entries(RESOLUTIONS).map(([key, words]) => html`<option value="${key}">${words}</option>`)}</select></div><div><label for="note">Note</label><input id="note" name="note" maxlength="500"></div><button name="what" value="settle">Settle it</button></form></section>`;
  return html`${settle}${link}`;
}
