// The tables of a member's page.
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Cell, Table } from '../../src/ui/table.ts';
import { deedWords, lookedAtWords, purposeWords } from '../compliance/audit/audit-actions.ts';
import type { MemberAccount } from '../compliance/disclosures/member-account.ts';
import { CONTACT_KINDS } from '../members/consent/record-choice.ts';
import { eventCell } from '../members/deadlines/event-texts.ts';
import { CLOCK_RULES, type ClockKind, LINES_OF_BUSINESS, type LineOfBusiness } from '../members/deadlines/rules.ts';
import { meaning } from '../reconcile/reasons.ts';
import { clockCell, timeCell } from './data/texts.ts';
import { hiddenCell } from './masking.ts';

export const CONTACT_RESULTS = {
  delivered: 'delivered',
  'no-answer': 'no one answered',
  returned: 'came back',
} as const;

const deedCell = (action: string): Cell => ({ value: action, text: deedWords(action) ?? action });

/** An object of the audit; what has a page leads to it, where a decision stands with the versions that were seen. */
function objectCell(object: string): Cell {
  const [kind, id = ''] = object.split('/');
  const page = { item: 'conflicts', clock: 'clocks', pull: 'pulls', export: 'requests', match: 'requests' }[kind ?? ''];
  // as the pages call them: the whole id is in files
  const short = /^[0-9a-f-]{32,}$/.test(id) ? `${kind}/${id.slice(0, 8)}` : object;
  return { value: object, text: short, code: true, ...(page === undefined ? {} : { href: `/staff/${page}/${id}` }) };
}

/** Who looked at a member, and what else was done. */
const purposeCell = (code: string | null): Cell => {
  const words = purposeWords(code);
  return { value: code, ...(words === undefined ? {} : { text: words }) };
};

/** What the choice or consent says of sensitive records. */
const policyCell = (policy: string | null): Cell => ({
  value: policy,
  ...(policy === null ? {} : { text: policy === 'sensitive' ? 'included' : 'left out' }),
});

const lookedAtCell = ({ page = null, format = null }: MemberAccount['looks'][number]): Cell =>
  page === null
    ? { value: null }
    : { value: format === 'csv' || format === 'json' ? `${page}.${format}` : page, text: lookedAtWords(page, format) };

export const looksTable = (
  caption: string,
  looks: readonly MemberAccount['looks'][number][],
  timeZone: string,
): Table => ({
  name: 'looks',
  caption,
  columns: [
    { key: 'when', label: 'When', kind: 'head' },
    { key: 'kind', label: 'Who' },
    { key: 'actor', label: 'Name' },
    { key: 'action', label: 'What' },
    { key: 'page', label: 'Looked at' },
    { key: 'object', label: 'Object' },
    { key: 'outcome', label: 'Result' },
    { key: 'purpose', label: 'What for' },
    { key: 'words', label: 'Which' },
  ],
  rows: looks.map((l) => [
    timeCell(l.at, timeZone),
    { value: l.actorKind },
    { value: l.actor },
    deedCell(l.action),
    lookedAtCell(l),
    objectCell(l.object),
    { value: l.outcome },
    purposeCell(l.purpose),
    { value: l.words ?? null },
  ]),
  empty: 'No one has looked.',
});

/** What was attested, by its own words; a file holds the JWS. */
function statementCell(jws: string | null, timeZone: string): Cell {
  if (jws === null) return { value: null };
  const { iat } = decodeJwt(jws);
  const at = timeCell(iat === undefined ? null : new Date(iat * 1000), timeZone);
  return { value: jws, text: `signed ${at.text ?? ''}, key ${decodeProtectedHeader(jws).kid ?? ''}` };
}

export function memberTables(a: MemberAccount, timeZone: string, now: Date): Table[] {
  const text = (value: string | null) => ({ value });
  return [
    {
      name: 'choices',
      caption: 'Choices, the newest first',
      columns: [
        { key: 'when', label: 'When', kind: 'head' },
        { key: 'choice', label: 'Choice' },
        { key: 'policy', label: 'Sensitive records' },
        { key: 'payers', label: 'Which payers' },
        { key: 'by', label: 'Given by' },
        { key: 'channel', label: 'How' },
        { key: 'verification', label: 'Person verified by' },
        { key: 'text', label: 'Text shown (SHA-256)', kind: 'hash' },
        { key: 'document', label: 'Proof' },
        { key: 'recordedBy', label: 'Recorded by' },
        { key: 'recorded', label: 'Recorded' },
        { key: 'id', label: 'Consent', kind: 'hash' },
      ],
      rows: a.choices.map((c) => [
        c.givenAt === null ? { value: c.recordedOn } : timeCell(c.givenAt, timeZone),
        { value: c.choice },
        policyCell(c.policy),
        { value: c.payers },
        { value: c.givenBy, text: c.representative === null ? c.givenBy : `${c.representative}, ${c.authority ?? ''}` },
        text(c.channel),
        text(c.verification),
        c.textSha256 === null
          ? { value: null }
          : { value: c.textSha256, code: true, href: `/staff/texts/${c.textSha256}` },
        text(c.document),
        { value: c.recordedBy ?? c.source },
        timeCell(c.createdAt, timeZone),
        { value: c.id, code: true },
      ]),
      empty: 'No choice is known.',
    },
    {
      name: 'contacts',
      caption: 'Offers, questions and education',
      columns: [
        { key: 'when', label: 'When', kind: 'head' },
        { key: 'kind', label: 'What' },
        { key: 'channel', label: 'How' },
        { key: 'result', label: 'Result' },
        { key: 'text', label: 'Text' },
        { key: 'recordedBy', label: 'Recorded by' },
      ],
      rows: a.contacts.map((c) => [
        timeCell(c.at, timeZone),
        { value: c.kind, text: CONTACT_KINDS[c.kind] },
        { value: c.channel },
        { value: c.result, text: CONTACT_RESULTS[c.result], tone: c.result === 'delivered' ? 'good' : 'look' },
        {
          value: c.text,
          ...(c.text === null || c.textSha256 === null ? {} : { href: `/staff/texts/${c.textSha256}` }),
        },
        { value: c.recordedBy },
      ]),
      empty: 'No offer is recorded.',
    },
    {
      name: 'payers',
      caption: 'Other payers',
      columns: [
        { key: 'payer', label: 'Payer', kind: 'head' },
        { key: 'registered', label: 'Registered as' },
        { key: 'number', label: 'Member number there' },
        { key: 'starts', label: 'From' },
        { key: 'ends', label: 'Until' },
        { key: 'known', label: 'Known since' },
        { key: 'saidBy', label: 'Said by' },
        { key: 'inError', label: 'Named by mistake' },
      ],
      rows: a.payers.map((p) => [
        { value: p.payer },
        p.peerId === null
          ? { value: null, text: 'no registered payer', tone: 'look' }
          : { value: p.peerId, text: p.peerName ?? p.peerId, href: `/staff/peers/${p.peerId}` },
        hiddenCell('number', p.memberNumber === '' ? null : p.memberNumber),
        text(p.starts),
        { value: p.ends, text: p.ends ?? 'goes on' },
        timeCell(p.knownAt, timeZone),
        { value: p.saidBy },
        timeCell(p.inErrorAt, timeZone),
      ]),
      empty: 'No other payer is known.',
    },
    {
      name: 'namings',
      caption: 'Payers named by mistake',
      note: 'Who said so, or named the payer again, and why. Its duties ended as ones that never were; it is not asked.',
      columns: [
        { key: 'when', label: 'When', kind: 'head' },
        { key: 'payer', label: 'Payer' },
        { key: 'act', label: 'What' },
        { key: 'reason', label: 'Reason' },
        { key: 'by', label: 'Who' },
      ],
      rows: a.namings.map((n) => [
        timeCell(n.at, timeZone),
        { value: n.payer },
        { value: n.act, text: n.act === 'again' ? 'named again' : 'named by mistake' },
        { value: n.reason },
        { value: n.by },
      ]),
      empty: 'None was.',
    },
    {
      name: 'clocks',
      caption: 'Duties and their due times',
      columns: [
        { key: 'duty', label: 'Duty', kind: 'head' },
        { key: 'payer', label: 'Other payer' },
        { key: 'started', label: 'Started' },
        { key: 'startEvent', label: 'Started by' },
        { key: 'due', label: 'Due' },
        { key: 'stands', label: 'Stands at' },
        { key: 'ended', label: 'Ended' },
        { key: 'stopEvent', label: 'Ended by' },
        { key: 'reason', label: 'Reason' },
        { key: 'rule', label: 'Rule' },
        { key: 'version', label: 'Version of rule and calendar' },
      ],
      rows: a.clocks.map((k) => [
        {
          value: k.kind,
          text: CLOCK_RULES[k.kind as ClockKind]?.name ?? k.kind,
          href: `/staff/clocks/${k.id}`,
        },
        text(k.peerName),
        timeCell(k.startsAt, timeZone),
        eventCell(k.startEvent),
        timeCell(k.dueAt, timeZone),
        clockCell(k, now),
        timeCell(k.closedAt, timeZone),
        eventCell(k.stopEvent),
        k.reason === null ? { value: null } : { value: k.reason, text: meaning('clock', k.reason).text },
        text(k.ruleRef),
        { value: k.ruleVersion === null ? null : `${k.ruleVersion}, ${k.calendarVersion ?? ''}` },
      ]),
      empty: 'No clock runs.',
    },
    {
      name: 'requests',
      caption: 'Requests for this member’s history',
      note: 'Each leads to its pull, with files and outcomes. The attestation says that the member is enrolled here and has opted in; files hold it word for word, signed. A payer that is asked again by the answer of before, or takes none, is sent none.',
      columns: [
        { key: 'when', label: 'Planned', kind: 'head' },
        { key: 'payer', label: 'Payer asked' },
        { key: 'statement', label: 'Attestation sent' },
        { key: 'sent', label: 'Export asked for' },
        { key: 'answer', label: 'Answer' },
        { key: 'state', label: 'State' },
        { key: 'units', label: 'Lines received', kind: 'number' },
        { key: 'policy', label: 'Sensitive records' },
        { key: 'consent', label: 'Consent' },
      ],
      rows: a.asks.map((p) => [
        { ...timeCell(p.createdAt, timeZone), href: `/staff/pulls/${p.pullId}` },
        { value: p.peerName },
        statementCell(p.statement, timeZone),
        timeCell(p.kickedOffAt, timeZone),
        { value: p.outcome, text: p.outcome === null ? 'none' : meaning('match', p.outcome).text },
        {
          value: p.state,
          text: [meaning('state', p.state).text, ...(p.reason === null ? [] : [meaning('pull', p.reason).text])].join(
            ': ',
          ),
        },
        { value: p.units },
        policyCell(p.policy),
        { value: p.consentId, code: true },
      ]),
      empty: 'No payer was asked.',
    },
    {
      name: 'coverage',
      caption: 'Coverage with us',
      columns: [
        { key: 'number', label: 'Member number', kind: 'head' },
        { key: 'plan', label: 'Plan' },
        { key: 'lob', label: 'Line of business' },
        { key: 'starts', label: 'From' },
        { key: 'ends', label: 'Until' },
        { key: 'accepted', label: 'Acceptance received' },
      ],
      rows: a.enrolments.map((e) => [
        hiddenCell('number', e.memberNumber),
        { value: e.plan },
        { value: e.lob, text: LINES_OF_BUSINESS[e.lob as LineOfBusiness]?.name ?? e.lob },
        { value: e.starts },
        { value: e.ends, text: e.ends ?? 'goes on' },
        text(e.acceptedOn),
      ]),
      empty: 'No coverage is known.',
    },
    {
      name: 'deeds',
      caption: 'What people decided and recorded',
      columns: [
        { key: 'when', label: 'When', kind: 'head' },
        { key: 'actor', label: 'Who' },
        { key: 'action', label: 'What' },
        { key: 'reason', label: 'Decision' },
        { key: 'object', label: 'Object' },
      ],
      rows: a.actions.map((d) => [
        timeCell(d.at, timeZone),
        { value: d.actor },
        deedCell(d.action),
        { value: d.reason === '' ? null : d.reason },
        objectCell(d.object),
      ]),
      empty: 'No one has decided anything.',
    },
    looksTable('Who looked, and what was done (the newest 200)', a.looks, timeZone),
  ];
}
