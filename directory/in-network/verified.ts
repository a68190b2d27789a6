// When a record was last verified, as far as it says so itself.
import type { Resource } from '../../src/fhir/resource.ts';

/** YYYY-MM-DD; undefined when the record does not say. A `lastUpdated` is no verification. */
export function lastVerified(_resource: Resource): string | undefined {
  return undefined;
}
