// POST and GET Group/{id}/$davinci-data-export. http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { type FhirEnv, route } from '../../../src/http/fhir-app.ts';
import { kickOffExport } from './kick-off-export.ts';

export function davinciDataExport(deps: Deps) {
  return (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Group/:id/$davinci-data-export');
    return kickOffExport(c, deps, 'davinci-data-export', c.req.param('id') ?? '');
  };
}
