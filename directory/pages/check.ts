// The page that checks a signed statement. The text comes by POST, so that it stands in no address.
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { RESULTS } from '../in-network/decide.ts';
import { type Checked, checkStatement, partText } from '../in-network/statement.ts';
import type { PageData } from './data.ts';
import { facts, link, type Page } from './frame.ts';
import type { Language } from './language.ts';

/** @param given text of the form; undefined: nothing was sent yet */
export async function checkPage(data: PageData, l: Language, given: string | undefined): Promise<Page> {
  const t = l.texts.check;
  const checked =
    given === undefined || given.trim() === ''
      ? undefined
      : await checkStatement(given, await data.keys(), data.config.baseUrl);
  return {
    title: t.title,
    name: 'check',
    path: '/check',
    main: html`<p class="lead">${t.lead}</p>${checked ? outcome(l, checked) : ''}
<section class="card noprint"><form action="${link(l, '/check')}" method="post"><p><label for="statement">${t.field}</label>
<textarea id="statement" name="statement" required spellcheck="false" autocomplete="off">${given}</textarea></p><p><button>${t.submit}</button></p></form>
<p class="soft">${t.privacy}</p><p class="soft"><a href="${link(l, '/developers')}#signed">${t.offline}</a></p></section>`,
  };
}

function outcome(l: Language, checked: Checked): Safe {
  const t = l.texts.check;
  if (!checked.ok)
    return html`<section class="verdict look" aria-labelledby="verdict"><h2 id="verdict">${t.bad}</h2><p>${t.faults[checked.fault]}${
      checked.issuer === undefined ? '' : html` <code>${checked.issuer}</code>`
    }</p></section>`;
  const { parameters } = checked;
  const said = (name: string): Part => partText(parameters, name) ?? '';
  const result = RESULTS.find((r) => r === partText(parameters, 'result'));
  const date = partText(parameters, 'date');
  const asOf = partText(parameters, 'asOf');
  return html`<section class="verdict good" aria-labelledby="verdict"><h2 id="verdict">${t.good}</h2><p>${t.goodText(l.moment(checked.signedAt))}</p></section>
<section class="card" aria-labelledby="says"><h2 id="says">${t.says}</h2>${facts([
    [l.texts.answer.title, result === undefined ? '' : html`<strong>${t.results[result]}</strong>`],
    [t.provider, said('provider')],
    [t.plan, [said('plan'), said('network')].filter((x) => x !== '').join(', ')],
    [t.day, date === undefined ? '' : l.day(date)],
    [t.state, asOf === undefined ? '' : l.moment(new Date(asOf))],
  ])}<p class="soft">${t.saidOn}</p></section>`;
}
