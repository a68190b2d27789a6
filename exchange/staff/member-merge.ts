// /staff/members/:member/one/:other: two members side by side, to be merged and unmerged.
import { hidden } from '../../src/ui/hidden.ts';
import { html, type Part } from '../../src/ui/html.ts';
import type { Cell, Table } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import { memberBehind } from '../compliance/disclosures/disclosures.ts';
import type { GivenAsOne, Merge } from '../compliance/disclosures/member-account.ts';
import { memberKeys } from '../members/member-key.ts';
import { makeOne, makeTwo, type OneRefusal } from '../members/merge/merge-members.ts';
import { type OneOfTwo, type OnePersonReport, onePersonReport, toldChoice } from '../members/merge/merge-report.ts';
import { count, timeCell } from './data/texts.ts';
import { csrfField, problem } from './frame.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/members';

const REFUSALS: Record<OneRefusal['refused'], readonly [400 | 404 | 409, string]> = {
  member: [404, 'There is no such member.'],
  same: [400, 'These are one member already.'],
  former: [
    409,
    'One of the two goes on as another member already, or others go on as it. Choose the member that stays for all of them, or take back what was said before.',
  ],
  'no-reason': [400, 'Give a reason of three letters or more.'],
  'not-one': [409, 'This member is one by itself.'],
  busy: [409, 'Records of one of the two are being taken in right now. Nothing was done. Try again in some minutes.'],
  doubts: [
    409,
    'What speaks against it was not confirmed, or has changed meanwhile. Nothing was done. Look at it again.',
  ],
};

/** What is done and what is not, in the order in which people ask. */
const WHAT_IS_DONE = [
  ['Cards, coverage, other payers', 'go to the member that stays: either number leads there.'],
  [
    'Choices, offers',
    'are copied to the surviving member. If they conflict, the more restrictive applies until the member chooses again.',
  ],
  [
    'Duties and requests',
    'go on as those of the member that stays. A duty that both have (the same payer and number) is one: the other one’s ends.',
  ],
  [
    'Records, ours and received',
    'are the one’s that stays, with their versions, under their ids; they are compared with each other, and duplicates are linked. References to the person are rewritten to the surviving member.',
  ],
  [
    'What payers know',
    'stays as it was sent to them: their match finds the former Patient, which says that it is replaced and by whom. They get the records when they match the person again.',
  ],
  ['Trail, ledger, disclosures', 'are not touched. Both are found from either member.'],
] as const;

const UNDO =
  'Coverage, payers, duties, requests and records that came from the former member go back to it, in the state of today. What came, was said or was decided since stays with this one. What this one had chosen before holds again for it; when it had not chosen, its choice counts as withdrawn.';

function besideTable(r: OnePersonReport, keyOf: (id: string) => string): Table {
  const said = (o: OneOfTwo): [string, string | null][] => [
    ['Name', o.person.name],
    ['Born', o.person.birthDate === null ? null : hidden('day', o.person.birthDate)],
    ['Died', o.death === undefined ? null : o.death.day === undefined ? 'yes' : dayText(o.death.day)],
    ['Sex', o.gender],
    [
      'Coverage with us',
      o.enrolments
        .map((e) => `${hidden('number', e.memberNumber)}: ${dayText(e.starts)} to ${dayText(e.ends ?? 'today and on')}`)
        .join('; '),
    ],
    ['Choice in force', o.choice === undefined ? 'none' : toldChoice(o.choice)],
    [
      'Other payers',
      o.payers.map((p) => `${p.peerName ?? p.payer} ${hidden('number', p.memberNumber)}`.trim()).join('; ') || 'none',
    ],
    ['Records of ours', String(o.held.own)],
    ['Records received', String(o.held.received)],
    ['Duties that run', String(o.held.clocks)],
    ['Asked for', count(o.held.requests, 'time')],
    ['Payers that hold a match', o.knownBy.join(', ') || 'none'],
  ];
  const [a, b] = [said(r.stays), said(r.former)];
  const cell = (value: string | null): Cell => ({ value });
  return {
    name: 'beside',
    caption: 'Both side by side',
    columns: [
      { key: 'fact', label: 'Fact', kind: 'head' },
      { key: 'stays', label: `Stays: ${keyOf(r.stays.memberId)}` },
      { key: 'former', label: `Goes on as it: ${keyOf(r.former.memberId)}` },
    ],
    rows: a.map(([fact, value], i) => [{ value: fact }, cell(value), cell(b[i]?.[1] ?? null)]),
    empty: '',
  };
}

const doneTable: Table = {
  name: 'done',
  caption: 'What becomes of what',
  columns: [
    { key: 'what', label: 'What', kind: 'head' },
    { key: 'becomes', label: 'What becomes of it' },
  ],
  rows: WHAT_IS_DONE.map(([what, becomes]) => [{ value: what }, { value: becomes }]),
  empty: '',
};

const reasonField = html`<p><label for="reason">Reason, for those who read it later</label><input id="reason" name="reason" required minlength="3" maxlength="1000" autocomplete="off"></p>`;

const oneForm = (
  visit: Visit,
  r: OnePersonReport,
  path: string,
): Part => html`<section class="box"><h2>Make them one</h2>
<p>It can be taken back: ${UNDO}</p>
<form method="post" action="${path}">${csrfField(visit.session)}${
  r.doubts.length === 0
    ? html`<p>Nothing that is known speaks against it.</p>`
    : html`<fieldset><legend>What speaks against it; confirm each</legend>${r.doubts.map(
        (d) =>
          html`<label><input type="checkbox" name="seen" value="${d.code}" required><span>${d.text}</span></label>`,
      )}</fieldset>`
}${reasonField}<button>They are one person</button></form></section>`;

/** On the page of a member: as whom it goes on, who goes on as it, what was taken back, and the forms. */
export async function onePersonBox(
  router: StaffRouter,
  visit: Visit,
  memberId: string,
  merges: readonly Merge[],
  given: readonly GivenAsOne[],
): Promise<Part> {
  const keyOf = await memberKeys(router.deps);
  const { timeZone } = router.deps.config;
  const day = (at: Date) => timeCell(at, timeZone).text ?? '';
  const link = (id: string) => html`<a href="${PATH}/${id}">${keyOf(id)}</a>`;
  const notices = merges.map((m) => {
    const other = m.formerId === memberId ? m.memberId : m.formerId;
    const says =
      m.undoneAt !== null
        ? html`Was one person with ${link(other)} from ${day(m.at)} to ${day(m.undoneAt)}. Taken back: ${m.undoReason ?? ''}`
        : m.formerId === memberId
          ? html`<strong>Goes on as ${link(other)}</strong> since ${day(m.at)}: both are one person. ${m.reason} What is said here is history.`
          : html`${link(other)} goes on as this member since ${day(m.at)}: both are one person. ${m.reason}`;
    const undo =
      m.undoneAt === null && may(visit.session, 'decide')
        ? html`<details><summary>They are two persons after all</summary><p>${UNDO}</p><form method="post" action="${PATH}/${m.formerId}/two">${csrfField(visit.session)}${reasonField}<button>Take it back</button></form></details>`
        : '';
    const got = given
      .filter((g) => g.mergeId === m.id)
      .map((g) => `${g.peerName} (${count(g.times, 'time', 'times')})`);
    const notices =
      got.length === 0
        ? ''
        : html`<p><strong>Records of both were given as those of ${link(m.memberId)} meanwhile, or made ready</strong>: to ${got.join(', ')}. A payer that asks for what changed, and has no match of its own of ${link(m.formerId)}, is informed that the records of that one are deleted; who asks for everything is not informed, and has to be. <a href="/staff/disclosures/${m.formerId}">What left</a></p>`;
    return html`<section class="box"><p>${says}</p>${notices}${undo}</section>`;
  });
  const isFormer = merges.some((m) => m.undoneAt === null && m.formerId === memberId);
  const ask =
    isFormer || !may(visit.session, 'decide')
      ? ''
      : html`<details><summary>The same person as another member</summary><form method="post" action="${PATH}/${memberId}/one">${csrfField(visit.session)}
<p><label>Number, Patient id or key (M-…) of the other member <input name="other" required maxlength="64" autocomplete="off"></label></p><p><button>Show both</button></p></form></details>`;
  return html`${notices}${ask}`;
}

export function onePerson(router: StaffRouter): void {
  const { deps } = router;
  const refuse = (visit: Visit, r: OneRefusal) => {
    const [status, text] = REFUSALS[r.refused];
    return problem(
      visit.c,
      deps,
      status,
      'Not done',
      r.refused === 'busy' && r.payers.length > 0 ? `${text} (${r.payers.join(', ')})` : text,
      visit.session,
    );
  };
  const whoOf = (visit: Visit) => ({
    kind: 'staff' as const,
    subject: visit.session.subject,
    requestId: visit.requestId,
  });
  const bothOf = async (visit: Visit): Promise<readonly [string, string] | undefined> => {
    const [member = '', other = ''] = [visit.c.req.param('member'), visit.c.req.param('other')];
    const known = await Promise.all([memberBehind(deps, member), memberBehind(deps, other)]);
    return member !== other && known[0] === member && known[1] === other ? [member, other] : undefined;
  };

  router.form(`${PATH}/:member/one`, 'decide', async (visit, form) => {
    const member = visit.c.req.param('member') ?? '';
    const other = await memberBehind(deps, (form.get('other') ?? '').trim());
    if (other === undefined || other === member)
      return problem(
        visit.c,
        deps,
        404,
        'Not found',
        'No single other member has this number, id or key.',
        visit.session,
      );
    return visit.c.redirect(`${PATH}/${member}/one/${other}`, 303);
  });

  router.page(`${PATH}/:member/one/:other`, 'rows', async (visit) => {
    const both = await bothOf(visit);
    if (!both) return router.notFound(visit, 'There are no such two members.');
    const [member, other] = both;
    await router.viewed(visit, 'members-beside', `Patient/${member}`, [member, other], 2);
    const r = await onePersonReport(deps, member, other);
    const path = `${PATH}/${member}/one/${other}`;
    return router.show(visit, {
      title: 'Are these one person?',
      place: 'members',
      trail: [
        [PATH, 'Members'],
        [`${PATH}/${member}`, 'Member'],
      ],
      lead: [
        'Nothing is done before you say so. Ask enrollment when you are not sure: a history that is shown to the wrong person is worse than one that is in two places.',
      ],
      before: html`<p><a href="${PATH}/${other}/one/${member}">Swap: keep the other member record</a></p>`,
      tables: [besideTable(r, await memberKeys(deps)), doneTable],
      after: may(visit.session, 'decide') ? oneForm(visit, r, path) : undefined,
    });
  });

  router.form(`${PATH}/:member/one/:other`, 'decide', async (visit, form) => {
    const both = await bothOf(visit);
    if (!both) return router.notFound(visit, 'There are no such two members.');
    const [memberId, formerId] = both;
    const done = await makeOne(
      deps,
      { memberId, formerId, reason: form.get('reason') ?? '', seen: form.getAll('seen') },
      whoOf(visit),
    );
    return 'refused' in done ? refuse(visit, done) : visit.c.redirect(`${PATH}/${memberId}`, 303);
  });

  router.form(`${PATH}/:member/two`, 'decide', async (visit, form) => {
    const formerId = visit.c.req.param('member') ?? '';
    const done = await makeTwo(deps, { formerId, reason: form.get('reason') ?? '' }, whoOf(visit));
    return 'refused' in done ? refuse(visit, done) : visit.c.redirect(`${PATH}/${formerId}`, 303);
  });
}
