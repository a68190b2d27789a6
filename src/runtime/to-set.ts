// What a plan must say of itself before others rely on it. The sandbox invents all of this; a node for real goes on with
// invented values only until someone reads the lines of its start, or asks the doctor.
import type { Config } from '../config.ts';
import { SETTINGS } from '../settings.ts';

/** Settings of a node for real that still have the sandbox's values, or that no one can work without, a sentence each. None in the sandbox. */
export function toSet(config: Config, services: 'all' | 'directory' | 'exchange' = 'all'): string[] {
  if (config.sandbox) return [];
  const exchange = services !== 'directory';
  const host = new URL(config.baseUrl);
  const local = host.hostname === 'localhost' || host.hostname === '[::1]' || host.hostname.startsWith('127.');
  return [
    ...(config.planName === SETTINGS.planName.default
      ? ['PLAN_NAME is not set: pages, consents and requests to other payers name an invented plan.']
      : []),
    ...(exchange && config.planNpi === SETTINGS.planNpi.default
      ? ['PLAN_NPI is not set: consents and requests to other payers carry an invented identifier.']
      : []),
    ...(exchange && config.sensitiveCodes === undefined
      ? ['SENSITIVE_CODES is not set: a demonstration decides which records are sensitive.']
      : []),
    ...(exchange && config.staffOidcIssuer === undefined
      ? ['STAFF_OIDC_ISSUER is not set: no one can sign in at /staff.']
      : []),
    ...(services !== 'exchange' && config.planContactEmail === SETTINGS.planContactEmail.default
      ? ['PLAN_CONTACT_EMAIL is not set: plans.json gives an invented address.']
      : []),
    ...(local
      ? ['BASE_URL names this machine: no one else can follow the links of answers, files and pages.']
      : host.protocol === 'https:'
        ? []
        : ['BASE_URL is not https: other payers may not ask it, and nothing of a person belongs on it.']),
  ];
}

/** What is set and counts for nothing in the sandbox, whose members are those of an invented plan: a sentence, or none. */
export function unusedInSandbox(given: Config): string | undefined {
  const names = [
    ...(given.planName === SETTINGS.planName.default ? [] : ['PLAN_NAME']),
    ...(given.planNpi === SETTINGS.planNpi.default ? [] : ['PLAN_NPI']),
  ];
  return given.sandbox && names.length > 0
    ? `${names.join(' and ')}: not used, as the plan of the sandbox is an invented one (SANDBOX=off ends it).`
    : undefined;
}
