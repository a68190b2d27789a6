// What names and records are taken along for: one of a few words, which the audit keeps with who took them. Never a
// text: a name could stand in it.
import { html, type Part } from '../../src/ui/html.ts';
import { PURPOSES } from '../compliance/audit/audit-actions.ts';
import type { StaffContext } from './frame.ts';

/** The purpose that is named in the address; undefined when it is none. */
export function purposeOf(c: StaffContext): string | undefined {
  const given = c.req.query('purpose') ?? '';
  return Object.hasOwn(PURPOSES, given) ? given : undefined;
}

/** For programs: the member of the address and what it may be. */
export const PURPOSE_SAID = { parameter: 'purpose', values: PURPOSES } as const;

/** Asks for it, and leads on to the file that was asked for. */
export function purposeForm(c: StaffContext): Part {
  const url = new URL(c.req.url);
  const kept = [...url.searchParams].filter(([name]) => name !== 'purpose');
  return html`<form method="get" action="${url.pathname}">${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<fieldset><legend>For</legend>${Object.entries(PURPOSES).map(([code, text]) => html`<label><input type="radio" name="purpose" value="${code}" required><span>${text}</span></label>`)}</fieldset>
<p><button>Take the file</button></p></form>`;
}
