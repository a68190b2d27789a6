// The page of publications: what is published where, in which state, and when the next is due. HTML and JSON of the same.
import { durationMs } from '../../src/settings.ts';
import { html, type Part } from '../../src/ui/html.ts';
import { type Cell, type Table, tableHtml } from '../../src/ui/table.ts';
import type { FileSet, SetFile } from './file-set.ts';
import { count, size, timeText } from './frame.ts';
import type { Publication } from './publication.ts';

export type ShownSet = { set: FileSet; files: readonly SetFile[] };
export type Overview = {
  baseUrl: string;
  every: string;
  nextDue: Date | undefined;
  publications: readonly Publication[];
  full: { publication: Publication; files: readonly SetFile[] } | undefined;
  mpf: readonly { key: string; current: ShownSet | undefined; newest: FileSet }[];
  qhp: ShownSet | undefined;
  index: ShownSet | undefined;
};

const total = (p: Publication) => p.counts.reduce((a, b) => a + b, 0);
const bytes = (files: readonly SetFile[]) => files.reduce((n, f) => n + f.bytes, 0);

type Channel = {
  name: string;
  what: string;
  url: string | null;
  /** what a person should see instead of the address itself */
  page?: string;
  audit?: string;
  publication: number | null;
  files: number;
  bytes: number;
  state: 'ready' | 'refused' | 'none';
};

function channels(o: Overview): Channel[] {
  const fhir = `${o.baseUrl}/directory/fhir`;
  const of = (s: ShownSet | undefined) => ({
    publication: s?.set.publication ?? null,
    files: s?.files.length ?? 0,
    bytes: bytes(s?.files ?? []),
    state: s ? ('ready' as const) : ('none' as const),
  });
  const full = {
    publication: o.full?.publication.number ?? null,
    files: o.full?.files.length ?? 0,
    bytes: bytes(o.full?.files ?? []),
    state: o.full ? ('ready' as const) : ('none' as const),
  };
  return [
    { name: '$bulk-publish', what: 'Snapshot and chain of changes, NDJSON', url: `${fhir}/$bulk-publish`, ...full },
    {
      name: '$export',
      what: 'Snapshot on request, NDJSON',
      url: `${fhir}/$export`,
      page: `${fhir}/OperationDefinition/export`,
      ...full,
    },
    ...o.mpf.map((m): Channel => {
      const here = `${o.baseUrl}/publications/mpf/${m.key}`;
      return {
        name: `Medicare Plan Finder ${m.key.replace('/', ', ')}`,
        what: 'Index and Bundles for CMS',
        url: m.current ? `${here}/index.json` : null,
        audit: `${here}/audit`,
        ...of(m.current),
        ...(m.newest.state === 'blocked' ? { state: 'refused' as const } : {}),
      };
    }),
    {
      name: 'Marketplace (QHP)',
      what: 'providers.json and plans.json',
      url: o.qhp ? `${o.baseUrl}/cms-data-index.json` : null,
      ...of(o.qhp),
    },
    {
      name: 'Payer index',
      what: 'Who we are and where our endpoints are',
      url: o.index ? `${o.baseUrl}/.well-known/payer-index` : null,
      ...of(o.index),
    },
  ];
}

/** All listed files. */
function filesOf(o: Overview): SetFile[] {
  return [
    ...(o.full?.files ?? []),
    ...o.mpf.flatMap((m) => m.current?.files ?? []),
    ...(o.qhp?.files ?? []),
    ...(o.index?.files ?? []),
  ];
}

export function overviewJson(o: Overview): Record<string, unknown> {
  return {
    cadence: o.every,
    nextDue: o.nextDue?.toISOString() ?? null,
    channels: channels(o),
    files: filesOf(o).map((f) => ({
      type: f.type,
      url: `${o.baseUrl}/publications/files/${f.name}`,
      count: f.lines,
      bytes: f.bytes,
      storedBytes: f.storedBytes,
      encoding: f.gzip ? 'gzip' : null,
      sha256: f.sha256,
    })),
    publications: o.publications.map((p) => ({
      number: p.number,
      covers: p.covers.toISOString(),
      publishedAt: p.publishedAt?.toISOString() ?? null,
      change: p.change,
      resources: total(p),
      root: p.rootSet !== null,
      changes: p.changesSet === null ? null : `${o.baseUrl}/publications/bulk/page-${p.number}.json`,
    })),
  };
}

/** `P1D` as "day", `PT6H` as "6 hours". */
export function cadence(duration: string): string {
  const minutes = (durationMs(duration) ?? 0) / 60_000;
  const [n, unit] =
    minutes % 1440 === 0 ? [minutes / 1440, 'day'] : minutes % 60 === 0 ? [minutes / 60, 'hour'] : [minutes, 'minute'];
  return n === 1 ? unit : `${n} ${unit}s`;
}

const STATES = { ready: 'ready', refused: 'the newest was refused by its audit', none: 'nothing yet' } as const;
const FILES = 200;

export function overviewPage(o: Overview): Part {
  const channelTable: Table = {
    name: 'channels',
    caption: 'Channels',
    columns: [
      { key: 'channel', label: 'Channel', kind: 'head' },
      { key: 'what', label: 'What' },
      { key: 'publication', label: 'Publication', kind: 'number' },
      { key: 'files', label: 'Files', kind: 'number' },
      { key: 'bytes', label: 'Size', kind: 'number' },
      { key: 'state', label: 'State' },
    ],
    rows: channels(o).map((c): Cell[] => [
      { value: c.name, ...(c.url === null ? {} : { href: c.page ?? c.url }) },
      { value: c.what },
      { value: c.publication },
      { value: c.files, text: count(c.files) },
      { value: c.bytes, text: size(c.bytes) },
      {
        value: STATES[c.state],
        ...(c.audit === undefined ? {} : { text: `${STATES[c.state]} (report)`, href: c.audit }),
        tone: c.state === 'ready' ? 'good' : c.state === 'refused' ? 'act' : 'calm',
      },
    ]),
    empty: '',
  };
  const files = filesOf(o);
  const fileTable: Table = {
    name: 'files',
    caption: 'Files',
    columns: [
      { key: 'file', label: 'File', kind: 'head' },
      { key: 'count', label: 'Records', kind: 'number' },
      { key: 'bytes', label: 'Size', kind: 'number' },
      { key: 'stored', label: 'As stored', kind: 'number' },
      { key: 'sha256', label: 'SHA-256 as stored', kind: 'hash' },
    ],
    rows: files.slice(0, FILES).map((f): Cell[] => [
      { value: f.name, href: `/publications/files/${f.name}` },
      { value: f.lines, text: count(f.lines) },
      { value: f.bytes, text: size(f.bytes) },
      { value: f.storedBytes, text: `${size(f.storedBytes)}${f.gzip ? ' gzip' : ''}` },
      { value: f.sha256, code: true },
    ]),
    empty: 'Nothing was published yet.',
    ...(files.length > FILES
      ? { note: `The first ${FILES} of ${count(files.length)}; all of them are in the JSON.` }
      : {}),
  };
  const list: Table = {
    name: 'publications',
    caption: 'Newest publications',
    columns: [
      { key: 'number', label: 'Number', kind: 'head' },
      { key: 'covers', label: 'Covers changes up to' },
      { key: 'published', label: 'Published' },
      { key: 'resources', label: 'Resources', kind: 'number' },
      { key: 'changes', label: 'Changes' },
    ],
    rows: o.publications.map((p): Cell[] => [
      { value: p.number },
      { value: p.covers.toISOString(), text: timeText(p.covers), time: true },
      p.publishedAt
        ? { value: p.publishedAt.toISOString(), text: timeText(p.publishedAt), time: true }
        : { value: null },
      { value: total(p), text: count(total(p)) },
      p.changesSet === null
        ? { value: p.rootSet === null ? 'none' : 'snapshot' }
        : { value: `page-${p.number}`, href: `/publications/bulk/page-${p.number}.json` },
    ]),
    empty: 'Nothing was published yet.',
  };
  const due =
    o.every === 'off'
      ? 'Publications are made by command.'
      : `A publication is made every ${cadence(o.every)}${o.nextDue ? `; the next is due ${timeText(o.nextDue)}` : ''}.`;
  return [
    html`<div class="lead"><p>A publication is a numbered state of this directory, from which the files below are made. Every file keeps its name and its bytes for ever.</p>
<p>${due} The same as <a href="/publications.json">JSON</a>.</p></div>`,
    tableHtml(channelTable),
    tableHtml(list),
    tableHtml(fileTable),
  ];
}
