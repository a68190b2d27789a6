// Whether a page shows what identifies members whole: until someone says what it is needed for, the ends of numbers and the
// years of birth stand there. Every staff page goes through here, marked or not.
import type { Deps } from '../../src/deps.ts';
import { hidden, hiddenText, hiddenWords, hidePage, type Known, unhidden } from '../../src/ui/hidden.ts';
import { html, type Part } from '../../src/ui/html.ts';
import type { Cell, Table } from '../../src/ui/table.ts';
import { dayText, timeText } from '../../src/ui/time.ts';
import {
  aboutOf,
  knownOf,
  MOST_WORDS,
  NAMED_PURPOSES,
  reasonsFor,
  type StaffReason,
} from '../compliance/access-log/view-reason.ts';
import { PURPOSES, purposeWords } from '../compliance/audit/audit-actions.ts';
import { markRecord, otherForms } from '../records/facts/identifying.ts';
import type { StaffSession } from './data/sessions.ts';
import { csrfField, formatOf, type Place, type StaffContext, type View, withQuery } from './frame.ts';

/** What a look is about and whether identifiers are whole in it. */
export type Sight = {
  about: ReturnType<typeof aboutOf>;
  memberIds: readonly string[];
  /** by what was said; undefined: nothing was, for one of the members at least */
  given: readonly StaffReason[] | undefined;
};

export async function sightOf(
  deps: Deps,
  cookie: string,
  object: string,
  memberIds: readonly string[],
): Promise<Sight> {
  const about = aboutOf(object, memberIds);
  return { about, memberIds, given: await reasonsFor(deps, { cookie }, about) };
}

/** What a member is looked at for. */
export const purposeBy = (sight: Sight | undefined, memberId: string | undefined): string | undefined =>
  (sight?.given?.find((g) => g.about === `member/${memberId}`) ?? sight?.given?.[0])?.purpose;

const PATH = '/staff/reason';
type Usual = readonly [keyof typeof PURPOSES, string];
const AUDIT: Usual = ['audit', 'Show them for an audit or review'];
const MEMBER: Usual = ['member', 'Show them: the member asked'];
const QUALITY: Usual = ['quality', 'Show them to put data right'];
/** For what a page is opened most often, by its place; said with one click. */
const USUAL: Readonly<Partial<Record<Place, Usual>>> = {
  members: MEMBER,
  requests: MEMBER,
  pulls: QUALITY,
  conflicts: QUALITY,
  peers: ['payer', 'Show them to settle something with the payer'],
};

const aboutFields = (session: StaffSession, c: StaffContext, about: readonly string[]): Part => [
  csrfField(session),
  about.map((a) => html`<input type="hidden" name="about" value="${a}">`),
  html`<input type="hidden" name="back" value="${withQuery(c.req.url, {})}">`,
];

const aboutList = ({ members, page }: Sight['about']): readonly string[] => (members.length > 0 ? members : [page]);

const whose = ({ members }: Sight['about']): string =>
  members.length === 0 ? 'everybody on these pages' : members.length === 1 ? 'this member' : 'both members';

/** Asks what they are needed for. Works by keyboard, and without a script. */
export function reasonForm(c: StaffContext, session: StaffSession, sight: Sight, place: Place): Part {
  // two who stand side by side are compared
  const [usual, label] = sight.about.members.length > 1 ? QUALITY : (USUAL[place] ?? AUDIT);
  const fields = aboutFields(session, c, aboutList(sight.about));
  const others = Object.entries(PURPOSES).filter(([code]) => code !== usual);
  return html`<section class="box sight" aria-labelledby="sight"><h2 id="sight">Numbers, birth dates and addresses are hidden</h2>
<form method="post" action="${PATH}">${fields}<p>Say what you need them for. They are shown for ${whose(sight.about)} until you sign out; the reason stands with your name in the audit trail.</p><p><button name="purpose" value="${usual}">${label}</button></p></form>
<details><summary>For something else</summary><form method="post" action="${PATH}">${fields}
<fieldset><legend>For</legend>${others.map(([code, text]) => html`<label><input type="radio" name="purpose" value="${code}" required><span>${text}${NAMED_PURPOSES.includes(code) ? ' (say which)' : ''}</span></label>`)}</fieldset>
<p><label for="sight-words">Which case, file or call <span class="hint">for an incident or a legal matter; no names</span></label><input id="sight-words" name="words" maxlength="${MOST_WORDS}" autocomplete="off"></p>
<p><button>Show them</button></p></form></details></section>`;
}

/** Says why they are shown, and hides them again. */
function givenBar(c: StaffContext, session: StaffSession, sight: Sight, deps: Pick<Deps, 'config'>): Part {
  const [first] = sight.given ?? [];
  if (first === undefined) return '';
  const about = [...new Set((sight.given ?? []).map((g) => g.about))];
  return html`<form class="controls sight" method="post" action="${PATH}/end">${aboutFields(session, c, about)}Numbers, birth dates and addresses are shown for ${purposeWords(first.purpose) ?? first.purpose}${first.words === '' ? '' : ` (${first.words})`}, as you said on ${timeText(first.at, deps.config.timeZone)}. <button class="plain">Hide them</button></form>`;
}

/** All strings of a view that are no markup. */
function mapView(view: View, change: (text: string) => string): View {
  const cell = (one: Cell): Cell => ({
    ...one,
    ...(typeof one.value === 'string' ? { value: change(one.value) } : {}),
    ...(one.text === undefined ? {} : { text: change(one.text) }),
  });
  const table = (t: Table): Table => ({
    ...t,
    caption: change(t.caption),
    rows: t.rows.map((r) => r.map(cell)),
    ...(t.total === undefined ? {} : { total: t.total.map(cell) }),
  });
  return {
    ...view,
    title: change(view.title),
    ...(view.lead === undefined ? {} : { lead: view.lead.map(change) }),
    ...(view.trail === undefined ? {} : { trail: view.trail.map(([href, name]) => [href, change(name)] as const) }),
    tables: view.tables.map(table),
    ...(view.texts === undefined ? {} : { texts: view.texts.map((t) => ({ ...t, text: change(t.text) })) }),
  };
}

/** How {@link show} finishes a page: what stands above it, and what becomes of its text. */
export type Finish = { top: Part; page: (text: string) => string };

/** A view of which everything is seen. */
export function wholeView(
  c: StaffContext,
  deps: Pick<Deps, 'config'>,
  session: StaffSession,
  view: View,
  sight: Sight | undefined,
): { view: View; finish: Finish } {
  const top = sight?.given && c.req.method === 'GET' ? givenBar(c, session, sight, deps) : '';
  return { view: mapView(view, unhidden), finish: { top, page: unhidden } };
}

const SLOT = '\ue003';

/** A view of which what identifies members is hidden; it asks for a reason when there is any. */
export async function hiddenView(
  c: StaffContext,
  deps: Pick<Deps, 'database'>,
  session: StaffSession,
  view: View,
  sight: Sight | undefined,
): Promise<{ view: View; finish: Finish }> {
  const ours = new Set(sight?.memberIds ?? []);
  const known: Known[] = await knownOf(deps, [...ours]);
  const texts = view.texts?.map((t) => {
    if (t.isOurs === true) return t;
    const marked = markRecord(t.whole ?? t.text, ours);
    known.push(...marked.known);
    // a part of a record cannot be read as one
    return { ...t, text: t.whole === undefined ? marked.text : hidden('text', t.text) };
  });
  // of a record that came, too: our pages read its days in words
  const all = otherForms(known);
  const finish = (page: string): string => {
    const done = hidePage(page, all, ours);
    // what a form answers has no address to come back to
    const asks = done.n > 0 && sight !== undefined && c.req.method === 'GET' && !sight.about.page.startsWith('members');
    return done.page.replace(SLOT, () => (asks ? html`${reasonForm(c, session, sight, view.place)}`.markup : ''));
  };
  const marked = { ...view, ...(texts === undefined ? {} : { texts }) };
  // a file of it asks what for, and is whole; should one ever come here, nothing in it is
  return formatOf(c) === 'html'
    ? { view: marked, finish: { top: SLOT, page: finish } }
    : { view: mapView(marked, hiddenText), finish: { top: '', page: finish } };
}

/** A birth date in a sentence. */
export const bornText = (birthDate: string | null): string =>
  birthDate === null ? 'on an unknown day' : hidden('day', dayText(birthDate));

/** A cell of a value that identifies a member. */
export const hiddenCell = (kind: Parameters<typeof hidden>[0], value: string | null): Cell => ({
  value: value === null ? null : hidden(kind, value),
});

/** A table with a column in which others may have written anything. */
export function inTheirWords(table: Table, key: string): Table {
  const at = table.columns.findIndex((c) => c.key === key);
  const cell = (c: Cell, i: number): Cell =>
    i === at && typeof c.value === 'string' ? { ...c, value: hiddenWords(c.value) } : c;
  return { ...table, rows: table.rows.map((r) => r.map(cell)) };
}
