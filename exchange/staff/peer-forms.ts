// The forms about payers.
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { hasLearned } from '../peers/health-text.ts';
import { DOCUMENT_KINDS, type Peer } from '../peers/peer-page-data.ts';
import { DEFAULT_SCOPES, type PeerFields } from '../peers/registration.ts';
import type { StaffSession } from './data/sessions.ts';
import { csrfField } from './frame.ts';

type Field = {
  /** of the control, where its name stands twice on the page */
  id?: string;
  name: string;
  label: string;
  hint?: string;
  value: string;
  required?: boolean;
  long?: boolean;
  type?: string;
};

const field = (f: Field): Safe =>
  html`<p><label for="${f.id ?? `i-${f.name}`}">${f.label}${f.hint === undefined ? '' : html` <span class="hint">– ${f.hint}</span>`}</label>${
    f.long
      ? html`<textarea id="${f.id ?? `i-${f.name}`}" name="${f.name}" rows="4" spellcheck="false">${f.value}</textarea>`
      : html`<input id="${f.id ?? `i-${f.name}`}" name="${f.name}" type="${f.type ?? 'text'}" value="${f.value}" autocomplete="off"${f.required ? html` required` : ''}>`
  }</p>`;

/** A form whose button changes something, in a box of its own. */
export const actionForm = (session: StaffSession, action: string, button: string, inside: Part = ''): Safe =>
  html`<form method="post" action="${action}">${csrfField(session)}${inside}<p><button>${button}</button></p></form>`;

export const faultList = (faults: readonly string[]): Part =>
  faults.length === 0
    ? ''
    : html`<div class="problem" role="alert"><ul>${faults.map((f) => html`<li>${f}</li>`)}</ul></div>`;

/** Fields of a record. `typed` is what was sent and could not be taken. */
export function recordFields(had: PeerFields | undefined, typed: URLSearchParams | undefined): Part {
  const value = (name: keyof PeerFields): string => {
    if (typed) return typed.get(name) ?? '';
    if (!had) return name === 'scopes' ? DEFAULT_SCOPES.join('\n') : '';
    const v = had[name];
    if (v === null) return '';
    if (name === 'scopes' || name === 'fileOrigins') return had[name].join('\n');
    return typeof v === 'string' ? v : JSON.stringify(v, null, 1);
  };
  return [
    field({ name: 'name', label: 'Legal name', value: value('name'), required: true }),
    field({ name: 'npi', label: 'NPI', hint: 'as requests and consents name it', value: value('npi') }),
    field({
      name: 'postalAddress',
      label: 'Postal address',
      hint: 'stands in the accounting of disclosures',
      value: value('postalAddress'),
    }),
    html`<h2>When we ask it</h2>`,
    field({ name: 'fhirBase', label: 'FHIR address of its exchange', value: value('fhirBase'), type: 'url' }),
    field({ name: 'clientIdThere', label: 'Our client id there', value: value('clientIdThere') }),
    html`<details><summary>Advanced peer settings</summary>`,
    field({
      name: 'discoveryUrl',
      label: 'Where it publishes its endpoints',
      hint: 'base of davinci-configuration or payer-index',
      value: value('discoveryUrl'),
      type: 'url',
    }),
    field({
      name: 'fileOrigins',
      label: 'Other hosts of its files',
      hint: 'one a line; asked without our token',
      value: value('fileOrigins'),
      long: true,
    }),
    field({
      name: 'groupThere',
      label: 'Group that was agreed on',
      hint: 'for a payer that matches no one itself',
      value: value('groupThere'),
    }),
    html`<p><label for="i-audience">Audience of our assertions</label><select id="i-audience" name="audience"><option value="token-url">its token address</option><option value="issuer"${value('audience') === 'issuer' ? html` selected` : ''}>its issuer</option></select></p>
<p><label><input type="checkbox" name="sendsAll" value="yes"${value('sendsAll') === 'true' || value('sendsAll') === 'yes' ? html` checked` : ''}> It may be asked for everybody our client may see, when it cannot be asked for some</label></p></details>`,
    html`<h2>When it asks us</h2>`,
    field({ name: 'clientIdHere', label: 'Its client id here', value: value('clientIdHere') }),
    field({
      name: 'jwksUrl',
      label: 'Address of its public keys',
      hint: 'better than the keys themselves',
      value: value('jwksUrl'),
      type: 'url',
    }),
    field({ name: 'jwks', label: 'Or its public keys', hint: 'a JWK set', value: value('jwks'), long: true }),
    field({
      name: 'scopes',
      label: 'What it may be granted',
      hint: 'one scope a line',
      value: value('scopes'),
      long: true,
    }),
  ];
}

/** `typed` is what was sent and could not be taken. */
export function documentForm(session: StaffSession, id: string, typed?: URLSearchParams): Safe {
  const value = (name: string): string => typed?.get(name) ?? '';
  const kinds = DOCUMENT_KINDS.map(
    (k) => html`<option value="${k}"${value('kind') === k ? html` selected` : ''}>${k}</option>`,
  );
  return actionForm(session, `/staff/peers/${id}/document`, 'Note the document', [
    html`<p><label for="i-kind">Kind</label><select id="i-kind" name="kind">${kinds}</select></p>`,
    field({ name: 'title', label: 'Title', value: value('title'), required: true }),
    field({ name: 'place', label: 'Where it is kept', value: value('place') }),
    field({ name: 'from', label: 'Holds from', value: value('from'), type: 'date' }),
    field({ name: 'to', label: 'Holds to', value: value('to'), type: 'date' }),
  ]);
}

/** What an administrator may do with a payer as it is. */
export function stateForms(session: StaffSession, peer: Peer, mayApprove: boolean): Part {
  const to = (what: string) => `/staff/peers/${peer.id}/${what}`;
  const approve = mayApprove
    ? actionForm(session, to('approve'), peer.state === 'pending' ? 'Approve' : 'Make active again')
    : html`<p>Another administrator has to ${peer.state === 'pending' ? 'approve it' : 'make it active again'}: no one approves an own change.</p>`;
  const why = (id: string) =>
    field({
      id,
      name: 'reason',
      label: 'Why',
      hint: 'the objective criterion (42 CFR 422.119(e)), for those who read it later',
      value: '',
    });
  const suspend = actionForm(session, to('suspend'), 'Suspend at once', why('i-why-suspend'));
  const close = html`<details><summary>Close for ever</summary><p>A closed payer cannot be opened again, and its client id is never given to another.</p>${actionForm(session, to('close'), 'Close', why('i-why-close'))}</details>`;
  if (peer.state === 'closed') return '';
  return [
    peer.state === 'active' ? suspend : approve,
    actionForm(session, to('check'), 'Check its addresses now'),
    hasLearned(peer) ? actionForm(session, to('relearn'), 'Ask it in every form again') : '',
    close,
  ];
}

export function blockForm(session: StaffSession, id: string): Safe {
  return html`<details><summary>Block one of its keys</summary><p>The key is refused at once, and tokens given before are void.</p>${actionForm(
    session,
    `/staff/peers/${id}/block`,
    'Block',
    field({ name: 'kid', label: 'Key id (kid)', value: '', required: true }),
  )}</details>`;
}
