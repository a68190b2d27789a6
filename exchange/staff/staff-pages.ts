// The staff pages of a node.

import { developmentAccount } from '../../src/auth/staff-development.ts';
import { addressOf } from '../../src/runtime/node-http.ts';
import type { OpenNode } from '../../src/runtime/open-node.ts';
import { createStaff, type StaffOptions } from './app.ts';

type Page = (request: Request, env: object) => Response | Promise<Response>;

export type StaffPages = { page: Page; account: { user: string; password: string } | undefined };

/** The staff service of a node; in the sandbox with a development account of this start. */
export function staffPages(node: OpenNode, further: NonNullable<StaffOptions['further']> = []): StaffPages {
  const account = developmentAccount(node.config);
  const app = createStaff(node.deps, {
    addressOf: addressOf(node.config),
    ...(account === undefined ? {} : { development: account }),
    further,
  });
  return { page: (request, env) => app.fetch(request, env), account };
}
