// The generated directory: every resource in turn, grouped by type, what others refer to first.
import type { Resource } from '../../fhir/resource.ts';
import { type WriteOptions, type Written, writeNdjson } from '../write.ts';
import { endpoint } from './endpoint.ts';
import { healthcareService } from './healthcare-service.ts';
import { insurancePlan } from './insurance-plan.ts';
import { type Layout, layout } from './layout.ts';
import { location } from './location.ts';
import { network, organization, payer } from './organization.ts';
import { organizationAffiliation } from './organization-affiliation.ts';
import { practitioner } from './practitioner.ts';
import { practitionerRole } from './practitioner-role.ts';
import { verificationResult } from './verification-result.ts';

export type DirectoryOptions = {
  /** any whole number; the same seed and size give the same bytes */
  seed: number;
  /** exact number of resources, at least 150 */
  resources: number;
};

/** Kinds in the order they are made: count and maker. */
function plan(l: Layout): readonly (readonly [count: number, make: (l: Layout, index: number) => Resource])[] {
  return [
    [l.payers, payer],
    [l.networks, network],
    [l.organizations, organization],
    [l.endpoints, endpoint],
    [l.locations, location],
    [l.services, healthcareService],
    [l.plans, insurancePlan],
    [l.practitioners, practitioner],
    [l.affiliations, organizationAffiliation],
    [l.roles, practitionerRole],
    [l.verifications, verificationResult],
  ];
}

/**
 * A Plan-Net 1.2.0 directory of invented people and places, one resource at a time. Types come one after the other
 * (Organization, Endpoint, Location, HealthcareService, InsurancePlan, Practitioner, OrganizationAffiliation,
 * PractitionerRole, VerificationResult); every reference resolves within the whole. Memory does not grow with the size.
 * @throws RangeError when the size is below 150 or the seed is not a whole number
 */
export function* directoryResources(options: DirectoryOptions): Generator<Resource> {
  const l = layout(options.seed, options.resources);
  for (const [count, make] of plan(l)) for (let i = 0; i < count; i++) yield make(l, i);
}

/** {@link directoryResources} as `<out>/<Type>.ndjson` (or `.ndjson.gz`). */
export async function writeDirectory(options: DirectoryOptions & WriteOptions): Promise<Written> {
  return writeNdjson(directoryResources(options), options);
}
