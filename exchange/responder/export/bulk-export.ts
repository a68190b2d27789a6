// Bulk Data $export of a Group and of all members granted to a peer, and the same in the form of the fourth edition
// ($export-v4). A peer gets no export of the whole system. https://hl7.org/fhir/uv/bulkdata
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { type FhirEnv, route } from '../../../src/http/fhir-app.ts';
import { authorize, recordRefusal } from '../authorize.ts';
import type { ExportOperation } from './export-parameters.ts';
import { kickOffExport } from './kick-off-export.ts';

type Bulk = Extract<ExportOperation, 'export' | 'export-v4'>;

export function groupExport(deps: Deps, operation: Bulk) {
  return (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/fhir/Group/:id/$${operation}`);
    return kickOffExport(c, deps, operation, c.req.param('id') ?? '');
  };
}

export function patientExport(deps: Deps, operation: Bulk) {
  return (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/fhir/Patient/$${operation}`);
    return kickOffExport(c, deps, operation, null);
  };
}

export function systemExport(deps: Deps, operation: Bulk) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/fhir/$${operation}`);
    const caller = await authorize(c, deps, 'export');
    await recordRefusal(c, deps, caller.peer, 'not-granted');
    throw new Outcome('forbidden', 'Export a Group, or Patient: a peer gets the members matched for it.');
  };
}
