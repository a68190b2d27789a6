// The audit of a Medicare Plan Finder set as a page: counts by code, and the first records of each.
import { html, type Part } from '../../src/ui/html.ts';
import { type Cell, type Table, type Tone, tableHtml } from '../../src/ui/table.ts';
import { count } from '../publish/frame.ts';
import { MPF_CODE_NAMES, MPF_CODES, type MpfCode, type MpfLevel } from './codes.ts';
import type { MpfSummary } from './make-mpf.ts';

const TONES: Record<MpfLevel, Tone> = { fatal: 'act', record: 'look', advisory: 'calm' };
const LEVELS: Record<MpfLevel, string> = {
  fatal: 'fatal: the whole set is refused',
  record: 'the record is not shown',
  advisory: 'shown, with a remark',
};

/** What is said where a code is not judged on the files. */
const NOT_JUDGED: Record<Exclude<MpfCode['how'], 'files'>, string> = {
  address: 'by `publish probe`',
  outside: 'not checked',
  none: 'does not apply',
};

/** Counts of all codes. */
function codesTable(summary: MpfSummary): Table {
  return {
    name: 'codes',
    caption: 'Findings by code',
    columns: [
      { key: 'code', label: 'Code', kind: 'head' },
      { key: 'level', label: 'Level' },
      { key: 'meaning', label: 'Meaning' },
      { key: 'count', label: 'Findings', kind: 'number' },
    ],
    rows: MPF_CODE_NAMES.map((name): Cell[] => {
      const code: MpfCode = MPF_CODES[name];
      const n = summary.counts[name] ?? 0;
      const judged: Cell =
        code.how === 'files'
          ? { value: n, text: count(n), tone: n === 0 ? 'calm' : TONES[code.level] }
          : {
              value: null,
              text: `${NOT_JUDGED[code.how].replaceAll('`', '')}${code.needs ? `: needs ${code.needs}` : ''}`,
            };
      const link = n > 0 ? { href: `#t-${name}` } : {};
      return [{ value: name, ...link }, { value: LEVELS[code.level] }, { value: code.text }, judged];
    }),
    empty: 'No codes.',
  };
}

function recordsTable(name: (typeof MPF_CODE_NAMES)[number], summary: MpfSummary): Table {
  const shown = summary.examples[name] ?? [];
  const all = summary.counts[name] ?? 0;
  return {
    name,
    caption: `${name}: ${MPF_CODES[name].text}`,
    columns: [
      { key: 'resource', label: 'Record', kind: 'head' },
      { key: 'element', label: 'Element' },
      { key: 'file', label: 'File' },
    ],
    rows: shown.map((e): Cell[] => [
      e.resource === '' ? { value: null } : { value: e.resource, href: `/directory/fhir/${e.resource}` },
      { value: e.element },
      { value: e.file },
    ]),
    empty: '',
    ...(all > shown.length ? { note: `The first ${shown.length} of ${count(all)}; all of them are in the CSV.` } : {}),
  };
}

/** @param shown is this set the one that is served? */
export function mpfReport(summary: MpfSummary, about: { at: string; publication: number; shown: boolean }): Part {
  const total = (level: MpfLevel) =>
    MPF_CODE_NAMES.filter((c) => MPF_CODES[c].level === level).reduce((n, c) => n + (summary.counts[c] ?? 0), 0);
  const here = `/publications/mpf/${summary.contract}/${summary.year}`;
  const resources = Object.entries(summary.resources)
    .map(([type, n]) => `${count(n)} ${type}`)
    .join(', ');
  return [
    html`<div class="lead"><p>Publication ${about.publication}, made ${about.at}: ${resources || 'no resources'}.</p>
<p>${summary.fatal ? html`<strong class="tone-act">✘ Refused: a fatal finding.</strong> ${about.shown ? '' : 'What was published before stays, if anything was.'}` : html`<strong class="tone-good">✔ Published.</strong>`}
${count(total('fatal'))} fatal, ${count(total('record'))} that hide a record, ${count(total('advisory'))} remarks.</p>
<p>All findings, record by record: <a href="${here}/audit.csv">CSV</a>, <a href="${here}/audit.json">JSON</a>. ${summary.fatal ? '' : html`Index for CMS: <a href="${here}/index.json">index.json</a>.`}</p></div>`,
    tableHtml(codesTable(summary)),
    MPF_CODE_NAMES.filter((c) => (summary.examples[c]?.length ?? 0) > 0).map((c) =>
      tableHtml(recordsTable(c, summary)),
    ),
  ];
}
