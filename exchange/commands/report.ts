// `report`: the report of a pull on standard output.

import { CommandFault } from '../../src/runtime/fault.ts';
import { withNode } from '../../src/runtime/open-node.ts';
import { pullReport } from '../requester/report/pull-report.ts';
import { type REPORT_FORMATS, renderReport } from '../requester/report/render-report.ts';

export async function report(pullId: string, options: { format: (typeof REPORT_FORMATS)[number] }): Promise<void> {
  await withNode(async ({ deps }) => {
    const found = await pullReport(deps, pullId);
    if (!found) throw new CommandFault(`There is no pull "${pullId}".`);
    process.stdout.write(renderReport(found, options.format));
  });
}
