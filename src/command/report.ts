// `report`: the report of a pull on standard output.
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
import { type REPORT_FORMATS, renderReport } from '../../exchange/requester/report/render-report.ts';
import { CommandFault } from './fault.ts';
import { withNode } from './node.ts';

export async function report(pullId: string, options: { format: (typeof REPORT_FORMATS)[number] }): Promise<void> {
  await withNode(async ({ deps }) => {
    const found = await pullReport(deps, pullId);
    if (!found) throw new CommandFault(`There is no pull "${pullId}".`);
    process.stdout.write(renderReport(found, options.format));
  });
}
