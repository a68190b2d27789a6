// The staff pages of a node.

import { federationPages } from '../../directory/federation/staff/pages.ts';
import { staffData } from '../../directory/federation/staff-data.ts';
import { createStaff } from '../../exchange/staff/app.ts';
import { developmentAccount } from '../auth/staff-development.ts';
import { addressOf } from './http.ts';
import type { OpenNode } from './node.ts';

type Page = (request: Request, env: object) => Response | Promise<Response>;

export type StaffPages = { page: Page; account: { user: string; password: string } | undefined };

/** The staff service of a node; in the sandbox with a development account of this start. */
export function staffPages(node: OpenNode): StaffPages {
  const account = developmentAccount(node.config);
  const app = createStaff(node.deps, {
    addressOf: addressOf(node.config),
    ...(account === undefined ? {} : { development: account }),
    further: [(desk) => federationPages(desk, staffData(node.deps))],
  });
  return { page: (request, env) => app.fetch(request, env), account };
}
