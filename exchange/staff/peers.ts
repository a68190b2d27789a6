// /staff/peers/new and /staff/peers/ID: the registry of payers, for administrators; everybody may read it.
import type { Context } from 'hono';
import { isFresh } from '../../src/auth/staff-oidc.ts';
import { timeRange } from '../../src/fhir/instant.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { networkPolicy } from '../../src/net/address.ts';
import { html, type Part } from '../../src/ui/html.ts';
import { checkPeer } from '../peers/check.ts';
import {
  DOCUMENT_KINDS,
  type DocumentKind,
  findPeer,
  type NewDocument,
  type Peer,
  peerChanges,
  peerDocuments,
  volumeDays,
} from '../peers/peer-page-data.ts';
import { isPeerId, readPeerFields } from '../peers/registration.ts';
import {
  addTrustDocument,
  type By,
  blockKey,
  changePeer,
  type Done,
  decidePeerChange,
  endTrustDocument,
  fieldsOf,
  mayApprove,
  movePeer,
  needsSecondPerson,
  registerPeer,
} from '../peers/registry.ts';
import { relearnPeer } from '../peers/relearn.ts';
import { notShownTable } from '../records/view/not-shown-text.ts';
import { peopleIn } from './data/people.ts';
import { address, pageText, problem } from './frame.ts';
import { actionForm, blockForm, documentForm, faultList, recordFields, stateForms } from './peer-forms.ts';
import { peerTables, volumeTable } from './peer-tables.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const TRAIL = [['/staff/peers', 'Other payers']] as const;
const CHANGES = 100;
const VOLUME_DAYS = 100;
const MAX_TEXT = 300;
const DONE: ReadonlyMap<string, string> = new Map([
  ['ok', 'Done.'],
  ['proposed', 'The change waits for another person. Until then nothing is different.'],
  ['checked', 'Its addresses answer, and nothing differs from what was pinned.'],
  ['answers', 'Its addresses answer. Nothing is pinned yet: the first pull does that.'],
  ['differs', 'Its addresses answer, but differ from what was pinned. See the history below; nothing was followed.'],
  ['away', 'It could not be checked. See the last check in the list of payers.'],
]);
const REFUSED: Readonly<Record<Exclude<Done, 'ok' | 'proposed'>, readonly [400 | 404 | 409 | 403, string]>> = {
  'not-found': [404, 'There is no such payer or change.'],
  taken: [409, 'The id or the client id is taken by another payer.'],
  'same-person': [403, 'Another person has to do this: no one approves an own change.'],
  'no-change': [400, 'Nothing would be different.'],
  incomplete: [409, 'What was proposed is not whole. Reject this change and make it again.'],
  stale: [409, 'The record has changed since. Reject this change and make it again.'],
  'not-now': [409, 'That is not possible in the state it is in.'],
};

export function peers(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const byOf = ({ session, requestId }: Visit): By => ({
    kind: 'staff',
    name: session.subject,
    requestId,
    ...(session.development ? { dev: true } : {}),
  });
  const answer = (visit: Visit, id: string, done: Done | 'checked' | 'answers' | 'differs' | 'away'): Response => {
    if (done in REFUSED) {
      const [status, text] = REFUSED[done as keyof typeof REFUSED];
      const back = done === 'not-found' ? '' : html` <a href="/staff/peers/${id}">Back to the payer</a>`;
      return problem(visit.c, deps, status, 'Not done', [text, back], visit.session);
    }
    return visit.c.redirect(`/staff/peers/${id}?done=${done}`, 303);
  };
  const registration = (visit: Visit, faults: readonly string[], typed?: URLSearchParams): Response => {
    const second = needsSecondPerson(deps.config) ? ' Another administrator has to approve it.' : '';
    const main = html`<p>The payer waits for approval; until then it is neither answered nor asked.${second}</p>${faultList(faults)}
<section class="box">${actionForm(visit.session, '/staff/peers', 'Register', [
      html`<p><label for="i-id">Short name <span class="hint">– lower-case letters, digits and hyphens; stays for ever</span></label><input id="i-id" name="id" value="${typed?.get('id') ?? ''}" required autocomplete="off"></p>`,
      recordFields(undefined, typed),
    ])}</section>`;
    const page = { title: 'Register a payer', main, place: 'peers' as const, trail: TRAIL };
    return visit.c.html(pageText(deps, page, visit.session), faults.length > 0 ? 400 : 200);
  };

  router.page('/staff/peers/new', 'peers', async (visit) => registration(visit, []));
  router.form('/staff/peers', 'peers', async (visit, form) => {
    const id = (form.get('id') ?? '').trim();
    const read = readPeerFields(form, networkPolicy(deps.config));
    const faults = isPeerId(id) ? [] : ['The short name may have lower-case letters, digits and hyphens.'];
    if ('faults' in read || faults.length > 0)
      return registration(visit, [...faults, ...('faults' in read ? read.faults : [])], form);
    const done = await registerPeer(deps, id, read.fields, byOf(visit));
    return done === 'taken' ? registration(visit, [REFUSED.taken[1]], form) : answer(visit, id, done);
  });

  // `record` or `document`: the form that was sent and could not be taken
  type Typed = { faults: readonly string[]; record?: URLSearchParams; document?: URLSearchParams };
  const detail = async (visit: Visit, peer: Peer, typed: Typed = { faults: [] }) => {
    const { session, c } = visit;
    if (typed.faults.length > 0) c.status(400);
    const isOpen = (form?: URLSearchParams): Part => (form === undefined ? '' : html` open`);
    const [changes, volume, documents, approves] = await Promise.all([
      peerChanges(sql, peer.id, CHANGES),
      volumeDays(sql, peer.id, VOLUME_DAYS),
      peerDocuments(sql, peer.id),
      mayApprove(sql, deps.config, peer, session.subject),
    ]);
    const manages = may(session, 'peers');
    const done = DONE.get(c.req.query('done') ?? '');
    const proposed = changes.filter((x) => x.state === 'proposed');
    const named = await peopleIn(
      sql,
      proposed.map((x) => x.by),
      deps.clock(),
    );
    const waiting: Part = proposed.map(
      (x) =>
        html`<section class="box"><h2>${x.what === 'document' ? 'A document waits' : 'A change waits'} for another person</h2><p>Proposed by ${named(x.by)}. Fields: ${Object.keys(x.after).join(', ')}.</p><pre tabindex="0">${JSON.stringify({ before: x.before, after: x.after }, null, 1)}</pre>${
          manages
            ? [
                x.by === session.subject
                  ? html`<p>Another administrator has to put it in force.</p>`
                  : actionForm(
                      session,
                      `/staff/peers/${peer.id}/accept`,
                      'Put in force',
                      html`<input type="hidden" name="change" value="${x.id}">`,
                    ),
                actionForm(
                  session,
                  `/staff/peers/${peer.id}/reject`,
                  x.by === session.subject ? 'Take back' : 'Reject',
                  html`<input type="hidden" name="change" value="${x.id}">`,
                ),
              ]
            : ''
        }</section>`,
    );
    // said before anything is typed: signing in again loses what a form held, but for sentences
    const again = isFresh(session.authenticatedAt, deps.clock())
      ? ''
      : html`<p class="note">To approve or change it, or to note a document, <a href="${address('/staff/sign-in', { return_to: `/staff/peers/${peer.id}`, again: '1' })}">sign in again</a> first: that needs a sign-in of the last five minutes.</p>`;
    const manage = html`<section class="box"><h2>Manage</h2>${again}${stateForms(session, peer, approves)}${blockForm(session, peer.id)}
<details${isOpen(typed.record)}><summary>Change its record</summary>${actionForm(session, `/staff/peers/${peer.id}/change`, 'Change', recordFields(fieldsOf(peer), typed.record))}</details>
<details${isOpen(typed.document)}><summary>Note a document</summary>${documentForm(session, peer.id, typed.document)}</details></section>`;
    const running = documents.filter((d) => d.endedAt === null);
    const enders =
      manages && running.length > 0
        ? html`<section class="box"><h2>End a document</h2>${running.map((d) => actionForm(session, `/staff/peers/${peer.id}/end-document`, `End “${d.title}”`, html`<input type="hidden" name="document" value="${d.id}">`))}</section>`
        : '';
    return router.show(visit, {
      title: peer.name,
      place: 'peers',
      trail: TRAIL,
      before: [
        done === undefined ? '' : html`<p class="note" role="status">${done}</p>`,
        faultList(typed.faults),
        html`<p><a href="/staff/peers/${peer.id}/statement">Statement: what passed between this payer and us</a> · <a href="/staff/peers/${peer.id}/not-shown">What is not shown of what it sent</a>${may(session, 'rows') ? html` · <a href="/staff/peers/${peer.id}/to-tell">What to tell this payer</a>` : ''}</p>`,
        waiting,
      ],
      tables: [
        ...peerTables(peer, changes, documents, deps.config.timeZone),
        volumeTable(volume, deps.config.alertVolumeTimes),
      ],
      after: manages && peer.state !== 'closed' ? [manage, enders] : '',
    });
  };

  router.page('/staff/peers/:id', 'counts', async (visit) => {
    const peer = await findPeer(sql, idOf(visit.c));
    return peer ? detail(visit, peer) : router.notFound(visit, 'There is no such payer.');
  });

  router.page('/staff/peers/:id/not-shown', 'counts', async (visit) => {
    const peer = await findPeer(sql, idOf(visit.c));
    if (!peer) return router.notFound(visit, 'There is no such payer.');
    return router.show(visit, {
      title: `What is not shown of ${peer.name}`,
      place: 'peers',
      trail: [...TRAIL, [`/staff/peers/${peer.id}`, peer.name]],
      lead: [
        'Each record once, by why it is not in the record of its member. What is held back was never taken in: its lines stand in the quarantine of the compliance report. What the payer took back, or reported again, is no longer there and is not counted.',
      ],
      before: html`<p><a href="${address('/staff/compliance', { peer: peer.id })}#t-quarantine">Compliance report of this payer</a></p>`,
      tables: [await notShownTable(deps, peer)],
    });
  });

  const act = (
    what: string,
    work: (visit: Visit, id: string, form: URLSearchParams) => Promise<Done | Response>,
    options: { needsStepUp?: boolean } = {},
  ) =>
    router.form(
      `/staff/peers/:id/${what}`,
      'peers',
      async (visit, form) => {
        const id = idOf(visit.c);
        const done = await work(visit, id, form);
        return done instanceof Response ? done : answer(visit, id, done);
      },
      options,
    );
  // what grants access needs a fresh sign-in; what closes one must not wait for a password
  const stepUp = { needsStepUp: true };
  act('approve', (visit, id) => movePeer(deps, id, 'active', byOf(visit)), stepUp);
  act('suspend', (visit, id, form) => movePeer(deps, id, 'suspended', byOf(visit), form.get('reason') ?? ''));
  act('close', (visit, id, form) => movePeer(deps, id, 'closed', byOf(visit), form.get('reason') ?? ''));
  act('accept', (visit, id, form) => decidePeerChange(deps, id, form.get('change') ?? '', true, byOf(visit)), stepUp);
  act('reject', (visit, id, form) => decidePeerChange(deps, id, form.get('change') ?? '', false, byOf(visit)));
  act('block', (visit, id, form) => blockKey(deps, id, (form.get('kid') ?? '').trim(), true, byOf(visit)));
  act('end-document', (visit, id, form) => endTrustDocument(deps, id, form.get('document') ?? '', byOf(visit)));
  act(
    'change',
    async (visit, id, form) => {
      const peer = await findPeer(sql, id);
      if (!peer) return 'not-found';
      const read = readPeerFields(form, networkPolicy(deps.config));
      return 'faults' in read
        ? detail(visit, peer, { faults: read.faults, record: form })
        : changePeer(deps, id, read.fields, byOf(visit));
    },
    stepUp,
  );
  act(
    'document',
    async (visit, id, form) => {
      const peer = await findPeer(sql, id);
      if (!peer) return 'not-found';
      const read = readDocument(form);
      if ('faults' in read) return detail(visit, peer, { faults: read.faults, document: form });
      return addTrustDocument(deps, { peerId: id, ...read.document }, byOf(visit));
    },
    stepUp,
  );
  act('relearn', (visit, id) => relearnPeer(deps, id, byOf(visit)));
  act('check', async (visit, id) => {
    const peer = await findPeer(sql, id);
    if (!peer) return 'not-found';
    const checked = await checkPeer(deps, peer, byOf(visit));
    if ('fault' in checked) return answer(visit, id, 'away');
    const same = peer.tokenEndpoint === null ? 'answers' : 'checked';
    return answer(visit, id, checked.differs.length > 0 ? 'differs' : same);
  });
}

const isDay = (v: string): boolean => /^\d{4}-\d\d-\d\d$/.test(v) && timeRange(v) !== undefined;
const idOf = (c: Context<FhirEnv>): string => c.req.param('id') ?? '';

function readDocument(
  form: URLSearchParams,
): { document: Omit<NewDocument, 'peerId'> } | { faults: readonly string[] } {
  const faults: string[] = [];
  const text = (name: string, label: string): string => {
    const value = (form.get(name) ?? '').trim();
    if (value.length > MAX_TEXT) faults.push(`${label} is longer than ${MAX_TEXT} characters.`);
    return value;
  };
  const date = (name: string, label: string): string | null => {
    const value = (form.get(name) ?? '').trim();
    if (value !== '' && !isDay(value)) faults.push(`${label} must be a date that there is, as YYYY-MM-DD.`);
    return value === '' ? null : value;
  };
  const kind = DOCUMENT_KINDS.find((k): k is DocumentKind => k === form.get('kind'));
  const title = text('title', 'The title');
  if (title === '') faults.push('The title is missing.');
  const read = {
    title,
    place: text('place', 'Where it is kept'),
    from: date('from', 'Holds from'),
    to: date('to', 'Holds to'),
  };
  if (faults.length === 0 && read.from !== null && read.to !== null && read.to < read.from)
    faults.push('It must not end before it begins.');
  if (kind === undefined) faults.push('The kind is none of the list.');
  return kind === undefined || faults.length > 0 ? { faults } : { document: { kind, ...read } };
}
