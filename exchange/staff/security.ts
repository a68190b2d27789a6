// /staff/events and /staff/matches: what was refused, and how each question for a member was decided.
import { parseInstant } from '../../src/fhir/instant.ts';
import { hidden, hiddenText } from '../../src/ui/hidden.ts';
import { html } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import {
  countSecurity,
  pageMatches,
  pageSecurity,
  refusalMeaning,
  SECURITY_REASONS,
  type SecurityRow,
} from '../compliance/security/security-events.ts';
import { MOST_NOTE, newestSeal, reviewEvents, securityReviews } from '../compliance/security/security-review.ts';
import { memberKeys } from '../members/member-key.ts';
import { meaning } from '../reconcile/reasons.ts';
import { chanceOf, chanceText, explainMatch, MATCH_RULES, qualityOf } from '../responder/match/rules.ts';
import { peerLines } from './data/lists.ts';
import { codeCell, grouped, memberCell, numberCell, timeCell } from './data/texts.ts';
import { address, problem, withQuery } from './frame.ts';
import { afterText, choice, cut, filterForm, readAfter, rowsOf } from './paging.ts';
import { actionForm } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

const DAY = 86_400_000;
const REVIEWS = 60;
const NOT_SIGNED = {
  reviewed: 'Someone has signed for these events meanwhile. Open the page again.',
  instant: 'The form does not say up to when events were shown, or a time to come. Open the page again.',
  note: `The note is longer than ${grouped(MOST_NOTE)} characters.`,
} as const;
const TONES = { calm: 'calm', look: 'look', act: 'act' } as const;
const DECIDED = ['matched', 'no-match', 'ambiguous', 'throttled'] as const;

export function security(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const { timeZone } = deps.config;

  router.page('/staff/events', 'counts', async (visit) => {
    const { c } = visit;
    const peers = await peerLines(sql);
    const peerId = choice(
      c,
      'peer',
      peers.map((p) => p.id),
    );
    const reason = choice(c, 'reason', Object.keys(SECURITY_REASONS));
    const after = readAfter(c);
    const place = after && /^\d+$/.test(after.id) ? { at: after.at, seq: after.id } : undefined;
    const at = deps.clock();
    const isOpen = choice(c, 'review', ['open']) !== undefined;
    // before the events are read: what is sealed meanwhile is for the next review
    const seal = await newestSeal(deps);
    const [found, counts, reviews] = await Promise.all([
      pageSecurity(sql, { peerId, reason, isOpen }, rowsOf(c) + 1, place),
      countSecurity(sql, new Date(at.getTime() - 7 * DAY)),
      securityReviews(sql, REVIEWS),
    ]);
    const { rows, last } = cut(found, rowsOf(c));
    return router.show(visit, {
      title: 'Security events',
      place: 'events',
      lead: [
        'What was refused to payers and to people, and what is unusual, newest first. IP addresses are replaced by a code: same address, same code.',
      ],
      before: [
        html`<p><a href="/staff/trail">Audit trail</a>${may(visit.session, 'peers') ? html` · <a href="/staff/sessions">Who is signed in</a>` : ''} · <a href="/staff/emergency">Emergency access</a>${may(visit.session, 'sign') ? html` · <a href="/staff/reasons">What numbers were shown for</a>` : ''}</p>`,
        filterForm('/staff/events', [
          {
            name: 'peer',
            label: 'Other payer',
            all: 'all',
            chosen: peerId,
            options: peers.map((p) => [p.id, p.name] as const),
          },
          {
            name: 'reason',
            label: 'Reason',
            all: 'all',
            chosen: reason,
            options: Object.entries(SECURITY_REASONS).map(([r, m]) => [r, m.text] as const),
          },
          {
            name: 'review',
            label: 'Reviewed',
            all: 'any',
            chosen: isOpen ? 'open' : undefined,
            options: [['open', 'not yet']],
          },
        ]),
      ],
      tables: [
        {
          name: 'week',
          caption: 'Last seven days',
          columns: [
            { key: 'reason', label: 'Reason', kind: 'head' },
            { key: 'times', label: 'Times', kind: 'number' },
            { key: 'meaning', label: 'Meaning' },
            { key: 'todo', label: 'What to do' },
          ],
          rows: counts.map((n) => {
            const m = refusalMeaning(n.action, n.reason);
            return [
              { value: n.reason, text: `${n.action}: ${n.reason}`, tone: TONES[m.severity] },
              numberCell(
                n.n,
                n.reason in SECURITY_REASONS ? address('/staff/events', { reason: n.reason }) : undefined,
              ),
              { value: m.text },
              { value: m.todo },
            ];
          }),
          empty: 'Nothing was refused.',
        },
        {
          name: 'events',
          caption: 'Events',
          columns: [
            { key: 'at', label: 'When', kind: 'head' },
            { key: 'payer', label: 'Payer or person' },
            { key: 'event', label: 'Event' },
            { key: 'what', label: 'What happened' },
            { key: 'object', label: 'About' },
            { key: 'address', label: 'Address mark' },
            { key: 'case', label: 'Case' },
          ],
          rows: rows.map((r) => [
            timeCell(r.at, timeZone),
            whoCell(r),
            { value: `${r.action}: ${r.reason}`, tone: TONES[refusalMeaning(r.action, r.reason).severity] },
            { value: whatHappened(r) },
            aboutCell(r.object),
            { value: typeof r.detail['address'] === 'string' ? r.detail['address'].slice(0, 8) : null, code: true },
            { value: `event/${r.seq}`, text: 'cases', href: address('/staff/cases', { from: `event/${r.seq}` }) },
          ]),
          empty: 'There are none.',
        },
        {
          name: 'reviews',
          caption: 'Reviews',
          note: 'Once a week someone goes through the events and signs for it. What is not yet reviewed for longer stands on the overview. What was written down while it was gone through is for the next review.',
          columns: [
            { key: 'at', label: 'Reviewed', kind: 'head' },
            { key: 'person', label: 'By' },
            { key: 'until', label: 'Events up to' },
            { key: 'events', label: 'Events since the review before', kind: 'number' },
            { key: 'note', label: 'Note' },
          ],
          rows: reviews.map((r) => [
            timeCell(r.at, timeZone),
            { value: r.subject },
            timeCell(r.until, timeZone),
            numberCell(r.events),
            { value: r.note === '' ? null : r.note },
          ]),
          empty: 'No one has signed for them yet.',
        },
      ],
      after: may(visit.session, 'sign')
        ? html`<section class="box"><h2>Sign for a review</h2><p>You have gone through the events up to now, and what was to be done is done or noted.</p>${actionForm(
            visit.session,
            '/staff/events/reviewed',
            'Reviewed',
            html`<input type="hidden" name="until" value="${at.toISOString()}"><input type="hidden" name="seal" value="${seal}"><p><label for="r-note">What was found, and what was done</label><textarea id="r-note" name="note" rows="3" maxlength="${MOST_NOTE}"></textarea></p>`,
          )}</section>`
        : '',
      next: last && withQuery(c.req.url, { after: afterText(last.at, last.seq) }),
    });
  });

  router.form('/staff/events/reviewed', 'sign', async (visit, form) => {
    const until = parseInstant(form.get('until') ?? '') ?? new Date(Number.NaN);
    const shown = { until, seal: Number(form.get('seal') || Number.NaN) };
    const done = await reviewEvents(deps, visit.session, shown, form.get('note') ?? '', visit.requestId);
    if (done === 'signed') return visit.c.redirect('/staff/events#t-reviews', 303);
    return problem(visit.c, deps, done === 'reviewed' ? 409 : 400, 'Not signed', NOT_SIGNED[done], visit.session);
  });

  router.page('/staff/matches', 'counts', async (visit) => {
    const { c } = visit;
    const peers = await peerLines(sql);
    const peerId = choice(
      c,
      'peer',
      peers.map((p) => p.id),
    );
    const reason = choice(c, 'reason', DECIDED);
    const after = /^\d{1,18}$/.exec(c.req.query('after') ?? '')?.[0];
    const { rows, last } = cut(await pageMatches(sql, { peerId, reason }, rowsOf(c) + 1, after), rowsOf(c));
    const keyOf = await memberKeys(deps);
    const members = rows.flatMap((r) => r.memberId ?? []);
    await router.viewed(visit, 'matches', 'matches', members, rows.length);
    return router.show(visit, {
      title: 'Matches',
      place: 'matches',
      lead: [
        'How each question of another payer for a member was decided, newest first: the rule that decided, what agreed, and what did not.',
      ],
      before: filterForm('/staff/matches', [
        {
          name: 'peer',
          label: 'Other payer',
          all: 'all',
          chosen: peerId,
          options: peers.map((p) => [p.id, p.name] as const),
        },
        { name: 'reason', label: 'Decision', all: 'all', chosen: reason, options: DECIDED.map((d) => [d, d] as const) },
      ]),
      tables: [
        {
          name: 'matches',
          caption: 'Decisions',
          columns: [
            { key: 'at', label: 'When', kind: 'head' },
            { key: 'payer', label: 'Asked by' },
            { key: 'question', label: 'Question' },
            { key: 'decision', label: 'Decision' },
            { key: 'member', label: 'Member' },
            { key: 'rule', label: 'Rule', kind: 'number' },
            { key: 'why', label: 'How it was decided' },
            { key: 'score', label: 'Score', kind: 'number' },
            { key: 'chance', label: 'Chance of a coincidence', kind: 'number' },
            { key: 'todo', label: 'What to do' },
          ],
          rows: rows.map((r) => [
            timeCell(r.at, timeZone),
            { value: r.peerId, text: r.peerName ?? r.peerId },
            {
              value: r.object,
              text: questionText(r.object),
              ...jobLink(r.object),
            },
            codeCell(r.reason, 'decision'),
            memberCell(r.memberId && keyOf(r.memberId), r.memberId, may(visit.session, 'rows')),
            { value: r.rule },
            { value: explainMatch(r.reason, r.rule, r.fuzzy) },
            { value: r.reason === 'ambiguous' ? null : (qualityOf(r.rule) ?? null) },
            { value: r.reason === 'ambiguous' ? null : chanceText(chanceOf(r.rule, r.fuzzy)) },
            { value: meaning('decision', r.reason).todo },
          ]),
          empty: 'No one has asked for a member yet.',
        },
        {
          name: 'rules',
          caption: 'The rules',
          columns: [
            { key: 'rule', label: 'Rule', kind: 'head' },
            { key: 'agreed', label: 'All of these must agree' },
            { key: 'open', label: 'The rest' },
            { key: 'score', label: 'Score', kind: 'number' },
            { key: 'chance', label: 'Chance of a coincidence', kind: 'number' },
          ],
          rows: Object.entries(MATCH_RULES).map(([rule, r]) => [
            { value: rule },
            { value: r.agreed },
            { value: r.open },
            { value: r.quality },
            { value: chanceText(r.chance[1] ?? r.chance[0]) },
          ]),
          empty: '',
        },
      ],
      next: last && withQuery(c.req.url, { after: last.seq }),
    });
  });
}

/** The payer, or the person of ours; what is neither by its kind. */
const whoCell = ({ actorKind, actor, peerId, peerName }: SecurityRow): Cell =>
  actorKind === 'staff' && actor !== ''
    ? { value: actor }
    : { value: peerId, text: peerName ?? (actorKind === 'peer' ? 'not known' : actorKind) };

/**
 * What was asked for. An id that is none of ours stands as a mark; older rows have what a payer typed, which may be the
 * number of a card: of that the end stays, for everybody.
 */
const aboutCell = (object: string): Cell => {
  const [, type, id = ''] = /^(Patient|Coverage|RelatedPerson|Person)\/(.+)$/.exec(object) ?? [];
  if (type !== undefined && !id.startsWith('~'))
    return { value: `${type}/${hiddenText(hidden('number', id))}`, code: true };
  return { value: object === '' ? null : object, code: true };
};

/** In words, with what the asker was answered, and how many times where a row stands for several. */
function whatHappened({ action, reason, detail }: SecurityRow): string {
  const { said, times, day, count, owed, usual, before } = detail;
  const changed = typeof before === 'object' && before !== null ? Object.entries(before) : [];
  return [
    refusalMeaning(action, reason).text,
    ...(typeof said === 'string' ? [`Answer: ${said}`] : []),
    ...(typeof count === 'number' && typeof day === 'string'
      ? [
          `On ${dayText(day)}: ${grouped(count)}${typeof owed === 'number' ? `, of which it is owed ${grouped(owed)}` : ''}${typeof usual === 'number' ? `; usual are ${grouped(usual)}` : ''}.`,
        ]
      : []),
    ...changed.map(([name, was]) => `${name}: ${String(was ?? 'none')} → ${String(detail[name] ?? 'none')}.`),
    ...(typeof times === 'number' && times > 1 ? [`${times} times.`] : []),
  ].join(' ');
}

/** `match/id/place`, or a request about one member. */
const questionText = (object: string): string => {
  const [kind, id = '', place] = object.split('/');
  return kind === 'member-match' ? 'one member' : `request ${id.slice(0, 8)}, member ${Number(place) + 1}`;
};
const jobLink = (object: string) => {
  const job = /^match\/([0-9a-f]+)\//.exec(object)?.[1];
  return job === undefined ? {} : { href: `/staff/requests/${job}` };
};
