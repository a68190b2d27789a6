// /staff/federation/signals: what may be wrong in our own directory, as work-lists, and how accurate it is over time.

import { html, type Part } from '../../../src/ui/html.ts';
import type { Table } from '../../../src/ui/table.ts';
import { timeCell } from '../../../src/ui/time.ts';
import { MEASURES } from '../accuracy-page.ts';
import { SIGNALS } from '../signals.ts';
import type { StaffData } from '../staff-data.ts';
import { csrf, isAdmin, ROOT, TRAIL } from './frame.ts';
import type { PortVisit, StaffRouter } from './port.ts';

const PATH = `${ROOT}/signals`;

export function signalPages<V extends PortVisit>(router: StaffRouter<V>, data: StaffData): void {
  router.page(PATH, 'counts', async (visit) => {
    const wanted = visit.c.req.query('signal');
    const name = wanted !== undefined && Object.hasOwn(SIGNALS, wanted) ? (wanted as keyof typeof SIGNALS) : undefined;
    const { counts, list } = await data.signals(name);
    const of = new Map(counts.map((c) => [c.name, c]));
    const summary: Table = {
      name: 'signals',
      caption: 'Signals',
      columns: [
        { key: 'signal', label: 'Signal', kind: 'head' },
        { key: 'n', label: 'Records', kind: 'number' },
        { key: 'settled', label: 'Looked at', kind: 'number' },
        { key: 'caution', label: 'Caution' },
      ],
      rows: Object.entries(SIGNALS).map(([key, s]) => [
        { value: key, text: s.text, href: `${PATH}?signal=${key}` },
        { value: of.get(key)?.n ?? 0 },
        { value: of.get(key)?.settled ?? 0 },
        { value: s.caution },
      ]),
      empty: '',
      note: 'A signal never changes a record and is shown to no one else. Look at the entry, ask the provider, then correct the source.',
    };
    const work: Table = {
      name: 'work',
      caption: name === undefined ? 'Work-list' : SIGNALS[name].text,
      columns: [
        { key: 'record', label: 'Record', kind: 'head' },
        { key: 'evidence', label: 'Evidence' },
        { key: 'found', label: 'Found' },
      ],
      rows: list.map((s) => [
        { value: s.key, href: `/provider/${s.key}` },
        { value: s.evidence },
        timeCell(s.foundAt, data.config.timeZone),
      ]),
      empty: 'Nothing waits.',
    };
    const rows = await data.accuracy();
    const days: Table = {
      name: 'accuracy',
      caption: 'Accuracy of our directory, day by day',
      columns: [
        { key: 'day', label: 'Day', kind: 'head' },
        { key: 'measure', label: 'Measure' },
        { key: 'n', label: 'Records', kind: 'number' },
        { key: 'of', label: 'of', kind: 'number' },
        { key: 'share', label: 'Share', kind: 'number' },
      ],
      rows: rows.map((r) => [
        { value: r.day },
        { value: r.measure, text: MEASURES[r.measure] ?? r.measure },
        { value: r.n },
        { value: r.of },
        {
          value: r.of === 0 ? null : Math.round((r.n / r.of) * 1000) / 10,
          text: r.of === 0 ? '–' : `${((r.n / r.of) * 100).toFixed(1)} %`,
        },
      ]),
      empty: 'Nothing was measured yet: payer-node harvest signals, or the nightly run.',
    };
    const editing = name !== undefined && isAdmin(visit);
    return router.show(visit, {
      title: 'What may be wrong in our own directory',
      place: 'federation',
      trail: TRAIL,
      ...(editing ? { after: workForms(visit, name, list) } : {}),
      tables: [summary, ...(name === undefined ? [] : [work]), days],
    });
  });

  router.form(PATH, 'peers', async (visit, form) => {
    const get = (field: string) => (form.get(field) ?? '').trim();
    const name = get('signal');
    const back = `${PATH}?signal=${encodeURIComponent(name)}`;
    if (get('what') === 'settle')
      return isKey(get('rk')) && (await data.settle(get('rk'), name, visit.session.subject))
        ? visit.c.redirect(back, 303)
        : router.notFound(visit, 'There is no such signal.');
    const done = await data.attest({ key: get('key'), day: get('day'), who: get('who'), how: 'manual' });
    if (done === 'ok') return visit.c.redirect(back, 303);
    const said = {
      'not-found': 'There is no such entry in our own directory, or it needs no attestation.',
      'bad-day': 'The day must be one that has been: YYYY-MM-DD.',
      'no-who': 'Say who attested.',
    }[done];
    return router.notFound(visit, said);
  });
}

/** An attestation that was received, and "looked at" for each entry of the list. */
function workForms(visit: PortVisit, name: string, list: readonly { rk: string; key: string }[]): Part {
  const signal = html`<input type="hidden" name="signal" value="${name}">`;
  const attested = html`<section class="box"><h2>An attestation was received</h2><form class="filter" method="post" action="${PATH}">${csrf(visit)}${signal}<div><label for="key">Entry <span class="hint">Type/id</span></label><input id="key" name="key" required></div><div><label for="day">Day <span class="hint">YYYY-MM-DD</span></label><input id="day" name="day" type="date" required></div><div><label for="who">Who attested <span class="hint">is published</span></label><input id="who" name="who" maxlength="200" required></div><button name="what" value="attest">Record it</button></form></section>`;
  const looked =
    list.length === 0
      ? ''
      : html`<section class="box"><h2>Looked at</h2><p>The signal stays silent until its evidence changes.</p><form class="filter" method="post" action="${PATH}">${csrf(visit)}${signal}<div><label for="rk">Entry</label><select id="rk" name="rk">${list.map((s) => html`<option value="${s.rk}">${s.key}</option>`)}</select></div><button class="plain" name="what" value="settle">I have looked at it</button></form></section>`;
  return html`${attested}${looked}`;
}

/** A number of the database: 64 bits. */
const isKey = (rk: string): boolean => /^-?\d{1,19}$/.test(rk) && BigInt.asIntN(64, BigInt(rk)) === BigInt(rk);
