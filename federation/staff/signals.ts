// /staff/federation/signals: what may be wrong in our own directory, as work-lists, and how accurate it is over time.
import type { Table } from '../../src/ui/table.ts';
import { SIGNALS } from '../signals.ts';
import type { StaffData } from '../staff-data.ts';
import { ROOT, TRAIL, time } from './frame.ts';
import type { PortVisit, StaffDesk } from './port.ts';

const PATH = `${ROOT}/signals`;

export function signalPages<V extends PortVisit>(desk: StaffDesk<V>, data: StaffData): void {
  desk.page(PATH, 'counts', async (visit) => {
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
      note: 'A signal never changes a record and is shown to nobody else. Look at the entry, ask the provider, then correct the source.',
    };
    const work: Table = {
      name: 'work',
      caption: name === undefined ? 'Work-list' : SIGNALS[name].text,
      columns: [
        { key: 'record', label: 'Record', kind: 'head' },
        { key: 'evidence', label: 'Evidence' },
        { key: 'found', label: 'Found' },
      ],
      rows: list.map((s) => [{ value: s.key, href: `/provider/${s.key}` }, { value: s.evidence }, time(s.foundAt)]),
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
        { value: r.measure },
        { value: r.n },
        { value: r.of },
        {
          value: r.of === 0 ? null : Math.round((r.n / r.of) * 1000) / 10,
          text: r.of === 0 ? '–' : `${((r.n / r.of) * 100).toFixed(1)} %`,
        },
      ]),
      empty: 'Nothing was measured yet: payer-node harvest signals, or the nightly run.',
    };
    return desk.show(visit, {
      title: 'What may be wrong in our own directory',
      place: 'federation',
      trail: TRAIL,
      tables: [summary, ...(name === undefined ? [] : [work]), days],
    });
  });
}
