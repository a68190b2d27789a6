// `report`: the report of a pull as a file on standard output.

import { findPull } from '../../exchange/store/pull.ts';
import { CommandFault } from './fault.ts';
import { withNode } from './node.ts';
import { terminalReport } from './report-text.ts';

export async function report(pullId: string, _options: { format: 'html' | 'csv' | 'json' }): Promise<void> {
  await withNode(async (node) => {
    if (!(await findPull(node.deps.database.sql, pullId))) throw new CommandFault(`There is no pull "${pullId}".`);
    process.stdout.write(await terminalReport(node, pullId));
  });
}
