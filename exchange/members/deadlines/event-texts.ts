// What began and ended duties, and what other rows of the books refer to, in words that lead to their pages. Pure.
import type { Cell } from '../../../src/ui/table.ts';

/** What began or ended a duty, when it is no row. */
const EVENTS: Readonly<Record<string, string>> = {
  'coverage-start': 'coverage with us began, or its acceptance came',
  'identity-corrected': 'name or birth date of the member was corrected, after the payer had not known them',
  'coverage-anew': 'coverage with us began after a gap',
  'other-coverage-anew': 'the coverage with the payer, which had ended, goes on again',
  'lives-after-all': 'a death that had been reported was taken back',
  'opt-in-and-payer-known': 'the member had agreed and the payer was known',
  'payer-known': 'the payer was known',
  'request-received': 'the payer’s request was received',
  'export-accepted': 'the payer accepted the request before',
  answered: 'the payer took the request, or the answer was given',
};

/** Kinds of rows, and where their page is. */
const OBJECTS: Readonly<Record<string, readonly [words: string, page?: string]>> = {
  pull: ['request to the payer', 'pulls'],
  export: ['request', 'requests'],
  match: ['request', 'requests'],
  'member-match': ['request about one member'],
  item: ['decision about', 'conflicts'],
  clock: ['duty', 'clocks'],
  consent: ['choice of the member'],
  contact: ['offer or question delivered'],
  'other-coverage': ['payer named'],
  naming: ['payer named by mistake'],
  'member-request': ['wish of the member'],
  members: ['made one person'],
  Patient: ['record of the person'],
};

const short = (id: string): string => (/^[0-9a-f-]{32,}$/.test(id) ? id.slice(0, 8) : id);

/** A code or the key of a row, `kind/id`; the whole of it is in files. */
export function eventCell(event: string | null): Cell {
  if (event === null) return { value: null };
  const words = EVENTS[event];
  if (words !== undefined) return { value: event, text: words };
  const [kind = '', id = ''] = event.split('/');
  const object = OBJECTS[kind];
  if (object === undefined || id === '') return { value: event, code: true };
  const [name, page] = object;
  return {
    value: event,
    text: `${name} ${short(id)}`,
    ...(page === undefined ? {} : { href: `/staff/${page}/${id}` }),
  };
}

/** The consent under which something left: ours by its id, or that of a peer's request, `match/id/place`. */
export function consentCell(id: string | null): Cell {
  const [, request, place] = /^match\/([0-9a-f]+)\/(\d+)$/.exec(id ?? '') ?? [];
  if (request === undefined) return { value: id, code: true };
  return {
    value: id,
    text: `sent with request ${short(request)}, member ${Number(place) + 1}`,
    href: `/staff/requests/${request}`,
  };
}
