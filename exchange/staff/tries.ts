// What stands between the database and whoever begins to sign in, or comes back from nowhere: anybody may, and each is a row, of the audit too.
import type { Deps } from '../../src/deps.ts';
import { type AddressOf, route } from '../../src/http/fhir-app.ts';
import { takeTry } from '../report/sessions.ts';
import { problem, type StaffContext } from './frame.ts';

type Handler = (c: StaffContext) => Promise<Response>;

/** Routes of the sign-in, each of which takes a try. */
export function tries(deps: Deps, addressOf: AddressOf): (path: string, handler: Handler) => Handler {
  return (path, handler) => async (c) => {
    route(c, path);
    const wait = await takeTry(deps, addressOf(c));
    if (wait === 0) return handler(c);
    c.header('retry-after', String(wait));
    return problem(
      c,
      deps,
      429,
      'Too many sign-ins',
      'Too many sign-ins were begun where you are. Please wait a minute.',
    );
  };
}
