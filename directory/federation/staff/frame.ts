// What the staff pages of federation share.
import { html, type Safe } from '../../../src/ui/html.ts';
import { RULES, type Rule } from '../judge-pair.ts';
import type { PortVisit } from './port.ts';

export const ROOT = '/staff/federation';

export const TRAIL = [[ROOT, 'Directories']] as const;

export const csrf = (visit: PortVisit): Safe => html`<input type="hidden" name="csrf" value="${visit.session.csrf}">`;

export const isAdmin = (visit: PortVisit): boolean => visit.session.roles.includes('admin');

export const ruleText = (rule: string): string =>
  Object.hasOwn(RULES, rule) ? RULES[rule as Rule] : 'Decided by a person.';
