// The router at which the staff pages are registered, as federation needs it. The exchange has it; the command brings the two
// together, so that neither imports the other.

import type { Context } from 'hono';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import type { Part } from '../../../src/ui/html.ts';
import type { Table } from '../../../src/ui/table.ts';

type PortView = {
  title: string;
  place: 'federation';
  trail?: readonly (readonly [string, string])[];
  lead?: readonly string[];
  before?: Part;
  tables: readonly Table[];
  after?: Part;
};

export type PortVisit = { c: Context<FhirEnv>; session: { subject: string; csrf: string; roles: readonly string[] } };

export type StaffRouter<V extends PortVisit> = {
  /** `counts`: everybody who is signed in. `peers`: administrators */
  page(path: string, permission: 'counts' | 'peers', handler: (visit: V) => Promise<Response>): void;
  form(path: string, permission: 'peers', handler: (visit: V, form: URLSearchParams) => Promise<Response>): void;
  show(visit: V, view: PortView): Promise<Response>;
  notFound(visit: V, text: string): Response;
};
