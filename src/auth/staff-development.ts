// The local development account: three people, one password that is made at start and held in memory only. It exists only
// in the sandbox, on loopback, and when no identity provider is configured.
import type { Config } from '../config.ts';
import { isLoopback, randomId } from './staff-session.ts';

export type DevelopmentAccount = { user: string; password: string };

/** One person a role, so that what each may see can be tried. */
export const DEVELOPMENT_PEOPLE = {
  'dev-viewer': { roles: ['viewer'], text: 'sees figures, clocks and states' },
  'dev-reviewer': { roles: ['viewer', 'reviewer'], text: 'also sees records and decides' },
  'dev-admin': { roles: ['viewer', 'admin'], text: 'manages payers and settings; cannot see member records' },
} as const;
export type DevelopmentPerson = keyof typeof DEVELOPMENT_PEOPLE;

export function mayDevelop(config: Pick<Config, 'sandbox' | 'baseUrl' | 'staffOidcIssuer'>): boolean {
  return config.sandbox && config.staffOidcIssuer === undefined && isLoopback(config.baseUrl);
}

/** An account with a fresh password, to be printed at start; undefined where it may not exist. */
export function developmentAccount(
  config: Pick<Config, 'sandbox' | 'baseUrl' | 'staffOidcIssuer'>,
): DevelopmentAccount | undefined {
  return mayDevelop(config) ? { user: 'dev-reviewer', password: randomId().slice(0, 22) } : undefined;
}
