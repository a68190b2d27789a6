// What each role of staff may do.
import type { StaffSession } from './data/sessions.ts';

/**
 * `counts`: figures, states and clocks. `rows`: records and names of members, in an emergency for administrators too.
 * `decide`: to accept a pull. `peers`: the registry. `sign`: for what was reviewed.
 */
export type Permission = 'counts' | 'rows' | 'decide' | 'peers' | 'sign';
const ALLOWED: Readonly<Record<Permission, readonly string[]>> = {
  counts: ['viewer', 'reviewer', 'admin'],
  rows: ['reviewer'],
  decide: ['reviewer'],
  peers: ['admin'],
  sign: ['reviewer', 'admin'],
};

export function may(session: StaffSession, permission: Permission): boolean {
  if (permission === 'rows' && session.emergency !== null && session.roles.includes('admin')) return true;
  return session.roles.some((role) => ALLOWED[permission].includes(role));
}
