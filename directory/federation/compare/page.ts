// The comparison as a page for people: each field with the value, who says so, and who says something else.

import { html, type Part, type Safe } from '../../../src/ui/html.ts';
import { dayText } from '../../../src/ui/time.ts';
import { term } from '../../pages/texts/terms.ts';
import { publicationPage } from '../../publish/frame.ts';
import { CHOICES, type Statement } from './choose.ts';
import type { Compared } from './compare.ts';
import { FIELDS } from './fields.ts';

export const COMPARE_PAGE = '/directory/all/compare';
type PageConfig = { planName: string; sandbox: boolean };

export function comparePage(config: PageConfig, compared: Compared): string {
  const { payers } = compared;
  const differ = compared.groups.reduce(
    (n, g) => n + g.fields.filter((f) => f.chosen.others.length > 0 && f.chosen.rule !== 'each').length,
    0,
  );
  const main = html`<p>${payers.length === 1 ? 'One directory lists' : `${payers.length} directories list`} this entry: ${payers.map((p) => p.name).join(', ')}. ${
    payers.length === 1
      ? differ === 0
        ? ''
        : `Its own records do not agree in ${differ} ${differ === 1 ? 'field' : 'fields'}, marked below.`
      : differ === 0
        ? 'They do not contradict each other.'
        : `They differ in ${differ} ${differ === 1 ? 'field' : 'fields'}, marked below.`
  }</p>
${compared.openPairs === 0 ? '' : html`<p class="note">Whether all of these records are about the same one is being looked at.</p>`}
${compared.groups.map((g) => groupTable(g))}
<p class="note">Nothing is merged into one record: each value stays with its source. A later date does not prove that a value is right; call before you go.</p>${form()}`;
  return publicationPage(config, { title: `${compared.title}: who says what`, place: 'peers', main, trail: trail() });
}

export function compareStart(config: PageConfig, fault?: string): string {
  const main = html`${fault === undefined ? '' : html`<p class="problem">${fault}</p>`}<p>See what each directory says about one provider, field by field.</p>${form()}`;
  return publicationPage(config, { title: 'Compare directories', place: 'peers', main, trail: trail() });
}

const trail = (): Safe => html`<a href="/directory/all/peers">All directories</a> › `;
const form = (): Safe =>
  html`<form class="filter" method="get" action="${COMPARE_PAGE}"><div><label for="npi">NPI <span class="hint">ten digits</span></label><input id="npi" name="npi" inputmode="numeric" pattern="[0-9]{10}" required></div><button>Compare</button></form>`;

function groupTable(g: Compared['groups'][number]): Safe {
  const caption = g.place === '' ? 'The entry itself' : `At ${g.place}`;
  const id = `g-${caption.replace(/[^A-Za-z0-9]+/g, '-')}`;
  return html`<section class="table"><h2 id="${id}">${caption}</h2><div class="scroll" role="region" tabindex="0" aria-labelledby="${id}"><table aria-labelledby="${id}">
<thead><tr><th scope="col">Field</th><th scope="col">Value</th><th scope="col">Who says so</th><th scope="col">Others say</th><th scope="col">Why this value</th></tr></thead>
<tbody>${g.fields.map(({ field, chosen }) => {
    const conflict = chosen.others.length > 0 && chosen.rule !== 'each';
    return html`<tr><th scope="row">${FIELDS[field].label}</th>
<td data-label="Value">${conflict ? html`<strong>${words(field, chosen.value[0])}</strong>` : words(field, chosen.value[0])}</td>
<td data-label="Who says so">${sources(chosen.value)}</td>
<td data-label="Others say"${chosen.others.length === 0 ? html` class="nothing"` : ''}>${
      chosen.others.length === 0
        ? html`<span class="aside">no one</span>`
        : html`<div${conflict ? html` class="tone-look"` : ''}>${chosen.others.map((o) => html`<div>${conflict ? '◆ ' : ''}${words(field, o[0])}</div>${sources(o)}`)}</div>`
    }</td>
<td data-label="Why">${CHOICES[chosen.rule]}</td></tr>`;
  })}</tbody></table></div></section>`;
}

/** Fields whose values are codes of the guide. */
const CODED: ReadonlySet<string> = new Set(['accessibility', 'new-patients']);
const words = (field: string, s: Statement | undefined): string =>
  field === 'hours'
    ? (s?.shown ?? '').replace(/\b[a-z]{3}\b/g, (day) => day[0]?.toUpperCase() + day.slice(1))
    : CODED.has(field)
      ? (s?.shown ?? '')
          .split(', ')
          .map((code) => term(code, 'en') ?? code)
          .join(', ')
      : (s?.shown ?? '');

const day = (at: Date): string => dayText(at.toISOString().slice(0, 10));

function sources(list: readonly Statement[]): Part {
  const said = new Set<string>();
  return list.map((s) => {
    const dates = [
      `changed ${day(s.changedAt)}`,
      ...(s.verifiedAt ? [`verified ${day(s.verifiedAt)}`] : []),
      ...(s.attestedAt ? [`attested ${day(s.attestedAt)}`] : []),
    ];
    // several records of one payer may say the same on the same day
    const line = `${s.payer} ${dates.join(', ')}`;
    if (said.has(line)) return '';
    said.add(line);
    return html`<div><span>${s.payer}</span> <small>(${dates.join(', ')})</small></div>`;
  });
}
