// For which networks someone is listed, and whether new patients are taken there: each state once, with the networks that have it.
import { html, type Part } from '../../src/ui/html.ts';
import { type Badge, badgeTexts } from './frame.ts';
import type { Language } from './language.ts';

export type Listed = {
  /** name of the network; undefined: nothing is said of networks */
  name: string | undefined;
  /** AcceptingPatientsCS */
  code: string | undefined;
  /** from when, when it has not begun */
  later?: string | undefined;
};

/** Whether new patients are taken, in words; nothing when it is not said. */
function acceptingBadge(code: string | undefined, l: Language): Badge[] {
  const said = l.term(code);
  return said === undefined ? [] : [{ text: said, ...toneOf(code) }];
}

const toneOf = (code: string | undefined): { tone: 'good' | 'look' } | Record<string, never> =>
  code === 'newpt' ? { tone: 'good' } : code === 'nopt' ? { tone: 'look' } : {};

/** Those that take new patients first. */
const RANK = ['newpt', 'existptfam', 'existptonly', 'nopt'];
const rank = ({ code }: Listed): number =>
  code === undefined ? RANK.length : (RANK.indexOf(code) + RANK.length + 1) % (RANK.length + 1);

export function listedPart(list: readonly Listed[], l: Language): Part {
  const groups = new Map<string, { of: Listed; names: string[] }>();
  for (const of of [...list].sort((a, b) => rank(a) - rank(b))) {
    const key = `${of.code ?? ''} ${of.later ?? ''}`;
    const group = groups.get(key) ?? { of, names: [] };
    if (of.name !== undefined && of.name !== '' && !group.names.includes(of.name)) group.names.push(of.name);
    groups.set(key, group);
  }
  if (groups.size === 0) return '';
  const lines = [...groups.values()].map(({ of, names }) => {
    const said: Badge[] = [
      ...acceptingBadge(of.code, l),
      ...(of.later === undefined ? [] : [{ text: of.later, tone: 'look' as const }]),
    ];
    const where = names.length === 0 ? '' : html`<span>${l.texts.find.listedFor} ${l.list(names)}</span>`;
    return said.length === 0 && where === '' ? '' : html`<li>${badgeTexts(said)}${where}</li>`;
  });
  return lines.every((line) => line === '') ? '' : html`<ul class="listed">${lines}</ul>`;
}
