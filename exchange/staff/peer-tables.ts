// What the page of a payer shows: its record, whether it answers, what the trust rests on, its history.
import type { Table } from '../../src/ui/table.ts';
import { healthFacts } from '../peers/health-text.ts';
import type { Peer, peerChanges, peerDocuments, VolumeDay } from '../peers/peer-page-data.ts';
import { numberCell, timeCell } from './data/texts.ts';
import { PEER_STATES } from './lists.ts';

/** Who asks here and is registered for nothing gets no token: that is no gap of the page. */
function mayBeGranted(peer: Pick<Peer, 'scopes' | 'clientIdHere'>): string | null {
  if (peer.scopes.length > 0) return peer.scopes.join(' ');
  return peer.clientIdHere === null ? null : 'nothing: its requests for a token are refused';
}

export function peerTables(
  peer: Peer,
  changes: Awaited<ReturnType<typeof peerChanges>>,
  documents: Awaited<ReturnType<typeof peerDocuments>>,
  timeZone: string,
): Table[] {
  const facts: [string, string | null][] = [
    ['Short name', peer.id],
    ['NPI', peer.npi],
    ['Postal address', peer.postalAddress],
    ['FHIR address', peer.fhirBase],
    ['Token address, pinned', peer.tokenEndpoint],
    ['Issuer, pinned', peer.issuer],
    ['Our client id there', peer.clientIdThere],
    ['Its client id here', peer.clientIdHere],
    ['Address of its keys', peer.jwksUrl],
    ['Keys given to us', peer.jwks === null ? null : keyIds(peer)],
    ['Keys last seen', peer.keysSeen?.map((k) => k.slice(0, 8)).join(', ') ?? null],
    ['Blocked keys', peer.blockedKids.length === 0 ? null : peer.blockedKids.join(', ')],
    ['May be granted', mayBeGranted(peer)],
    ['Where it publishes its endpoints', peer.discoveryUrl],
    ['Other hosts of its files', peer.fileOrigins.length === 0 ? null : peer.fileOrigins.join(' ')],
    ['Group that was agreed on', peer.groupThere],
    ['Audience of our assertions', peer.audience],
    ['Limits of its own', Object.keys(peer.limits).length === 0 ? null : JSON.stringify(peer.limits)],
    ['Added by', peer.addedBy],
    ['Approved by', peer.approvedBy],
  ];
  const text = (value: object) => JSON.stringify(value);
  const changeWords = (value: object) =>
    Object.entries(value)
      .map(([name, of]) => `${name}: ${typeof of === 'string' ? of : JSON.stringify(of)}`)
      .join('; ');
  return [
    {
      name: 'record',
      caption: 'Record',
      columns: [
        { key: 'field', label: 'Field', kind: 'head' },
        { key: 'value', label: 'Value' },
      ],
      rows: [
        [{ value: 'State' }, PEER_STATES[peer.state] ?? { value: peer.state }],
        ...facts.map(([name, value]) => [{ value: name }, value === null ? { value } : { value, code: true as const }]),
      ],
      empty: '',
    },
    {
      name: 'health',
      caption: 'How it is asked, and whether it answers',
      columns: [
        { key: 'field', label: 'Field', kind: 'head' },
        { key: 'value', label: 'Value' },
      ],
      rows: healthFacts(peer).map((f) => [
        { value: f.name },
        f.at === undefined
          ? { value: f.value, ...(f.tone === undefined ? {} : { tone: f.tone }) }
          : timeCell(f.at, timeZone),
      ]),
      empty: '',
    },
    {
      name: 'documents',
      caption: 'What the trust rests on',
      columns: [
        { key: 'title', label: 'Document', kind: 'head' },
        { key: 'kind', label: 'Kind' },
        { key: 'place', label: 'Kept at' },
        { key: 'from', label: 'From' },
        { key: 'to', label: 'To' },
        { key: 'added', label: 'Noted by' },
        { key: 'ended', label: 'Ended' },
      ],
      rows: documents.map((d) => [
        { value: d.title },
        { value: d.kind },
        { value: d.place },
        { value: d.from },
        { value: d.to },
        { value: d.addedBy },
        timeCell(d.endedAt, timeZone),
      ]),
      empty: 'No document is noted.',
    },
    {
      name: 'history',
      caption: 'History',
      columns: [
        { key: 'at', label: 'When', kind: 'head' },
        { key: 'what', label: 'What' },
        { key: 'by', label: 'By' },
        { key: 'before', label: 'Before' },
        { key: 'after', label: 'After' },
        { key: 'state', label: 'State' },
        { key: 'decided', label: 'Decided by' },
      ],
      rows: changes.map((x) => [
        timeCell(x.at, timeZone),
        { value: x.what },
        { value: x.by },
        { value: text(x.before), text: changeWords(x.before), code: true },
        { value: text(x.after), text: changeWords(x.after), code: true },
        { value: x.state, tone: x.state === 'proposed' ? ('look' as const) : ('calm' as const) },
        { value: x.decidedBy },
      ]),
      empty: 'Nothing has changed since it was registered.',
    },
  ];
}

const keyIds = (peer: Peer): string =>
  (peer.jwks?.keys ?? []).map((k) => String((k as { kid?: unknown }).kid ?? '?')).join(', ');

/** @param times beyond so many times the median a day is reported; 0: none is */
export function volumeTable(days: readonly VolumeDay[], times: number): Table {
  const usual = (n: number | null) => (n === null ? { value: null, text: 'not known yet' } : numberCell(n));
  // counted of what is beyond the usual alone
  const owed = (n: number | null) => (n === null ? { value: null } : numberCell(n));
  return {
    name: 'volume',
    caption: 'What it asked for and took, by day',
    note: `Daily totals. “Usual” is the median of active days in the past year (at least five days needed).${times === 0 ? '' : ` A day with more than ${times} times as much is an alert for a week and stands under Security, but for what the payer is owed: members of whom it had asked before, and not within the quarter.`}`,
    columns: [
      { key: 'day', label: 'Day', kind: 'head' },
      { key: 'members', label: 'Members asked for', kind: 'number' },
      { key: 'usualMembers', label: 'Usual members', kind: 'number' },
      { key: 'owedMembers', label: 'Of them owed', kind: 'number' },
      { key: 'records', label: 'Records taken', kind: 'number' },
      { key: 'usualRecords', label: 'Usual records', kind: 'number' },
      { key: 'owedRecords', label: 'Of them owed', kind: 'number' },
      { key: 'told', label: 'Unusual' },
    ],
    rows: days.map((d) => [
      { value: d.day },
      numberCell(d.members),
      usual(d.usualMembers),
      owed(d.owedMembers),
      numberCell(d.records),
      usual(d.usualRecords),
      owed(d.owedRecords),
      d.isUnusual ? { value: true, text: 'yes, alert sent', tone: 'look' as const } : { value: false, text: 'no' },
    ]),
    empty: 'Nothing has been counted of it yet.',
  };
}
