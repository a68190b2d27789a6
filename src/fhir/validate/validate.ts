// The validator: base R4 structure (errors), the invariants and profiles that matter to a payer's data (findings).
// https://hl7.org/fhir/R4/validation.html. What is checked and why is in docs/validation.md.
import { isObject, type JsonObject, strings } from '../resource.ts';
import type { Issue } from './issue.ts';
import { MEMBER_PROFILES } from './member-profiles.ts';
import { PLAN_NET_PROFILES, planNetProfileOf } from './plan-net.ts';
import type { Profile } from './profile.ts';
import { report, type Walk } from './report.ts';
import { walkResource } from './walk.ts';

export type { Issue, IssueCode } from './issue.ts';

export type ValidateOptions = {
  /**
   * `claimed` (default): findings, with the profiles of `meta.profile` that are known here.
   * `plan-net`: also the Plan-Net profile of the type, claimed or not.
   * `none`: errors only.
   */
  profiles?: 'claimed' | 'plan-net' | 'none';
  /** NUCC codes in upper case that a specialty must be one of; without it only the shape of the code is checked */
  taxonomy?: ReadonlySet<string>;
};

const PROFILES: ReadonlyMap<string, Profile> = new Map([
  ...Object.entries(PLAN_NET_PROFILES),
  ...Object.entries(MEMBER_PROFILES),
]);

/**
 * Judges one parsed resource. Errors mean that it is not valid base R4; findings are all other observations. At most
 * 100 of each. Never throws, whatever the value is; never changes it. An `id` is checked but not demanded.
 */
export function validate(resource: unknown, options: ValidateOptions = {}): Issue[] {
  const profiles = options.profiles ?? 'claimed';
  const walk: Walk = {
    issues: [],
    path: [],
    findings: profiles !== 'none',
    contained: undefined,
    containment: 0,
    errors: 0,
    taxonomy: options.taxonomy,
  };
  walkResource(walk, resource);
  if (walk.findings && isObject(resource)) checkProfiles(walk, resource, profiles === 'plan-net');
  return walk.issues;
}

function checkProfiles(walk: Walk, resource: JsonObject, planNet: boolean): void {
  const meta = resource['meta'];
  const claimed = isObject(meta) ? strings(meta['profile']) : [];
  const due = planNet ? planNetProfileOf(resource) : undefined;
  if (due !== undefined) checkProfile(walk, resource, due);
  for (const claim of claimed) {
    const bar = claim.indexOf('|');
    const url = bar === -1 ? claim : claim.slice(0, bar);
    if (url !== due) checkProfile(walk, resource, url);
  }
}

function checkProfile(walk: Walk, resource: JsonObject, url: string): void {
  const profile = PROFILES.get(url);
  if (!profile) return;
  if (profile.type !== resource['resourceType']) {
    report(walk, 'profile-type', `a profile for ${profile.type}`, 'meta.profile');
    return;
  }
  for (const rule of profile.rules) rule(walk, resource);
}
