// `harvest attest-links`: links for a mailing to the providers whose entries are to be verified.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Resource } from '../../src/fhir/resource.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { csvRow } from '../../src/ui/csv.ts';
import { withSignal } from '../federation/attest/attest-rows.ts';
import { makeLinks } from '../federation/attest/link.ts';
import { npiOf } from '../federation/npi.ts';
import { lookForSignals } from '../federation/signals.ts';
import { nameOf } from '../in-network/evidence.ts';
import { sayMerged } from './harvest.ts';

const BATCH = 1000;
const DUE = ['never-verified', 'verify-overdue', 'verify-due'];

/** A CSV of entry, name, NPI and link for everybody whose verification is due within two weeks, overdue, or was never made. */
export async function harvestAttestLinks(options: { out: string }): Promise<void> {
  await withNode(async ({ deps }) => {
    const out = createWriteStream(options.out, { flags: 'wx', mode: 0o600 });
    try {
      await once(out, 'open');
    } catch {
      throw new CommandFault(`${options.out} cannot be written, or exists already.`);
    }
    await sayMerged(deps);
    await lookForSignals(deps);
    let made = 0;
    async function* rows() {
      yield csvRow(['entry', 'name', 'npi', 'link']);
      for (let after = ''; ; ) {
        const batch = await withSignal(deps.database.sql, DUE, after, BATCH);
        const last = batch.at(-1);
        if (!last) return;
        const links = await makeLinks(
          deps,
          batch.map((b) => b.key),
          person(),
        );
        yield batch
          .map(({ key, body }, n) => {
            const resource = JSON.parse(body) as Resource;
            return csvRow([key, nameOf(resource), npiOf(resource, false)?.value ?? '', links[n] ?? '']);
          })
          .join('');
        made += batch.length;
        after = last.key;
      }
    }
    await pipeline(rows, out);
    say(`${made} links in ${options.out}, good for ninety days.`);
  });
}
