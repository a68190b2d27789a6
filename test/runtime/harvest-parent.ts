// A process that starts the harvesting one, and does nothing else.
import { startHarvestProcess } from '../../src/command/harvester.ts';
import { readConfig } from '../../src/config.ts';

const [url = ''] = process.argv.slice(2);
const node = {
  config: readConfig({ SANDBOX: 'on', LOG_LEVEL: 'silent', PUBLISH_EVERY: 'off' }),
  deps: { log: () => {} },
};
startHarvestProcess(node as unknown as Parameters<typeof startHarvestProcess>[0], url);
process.on('message', () => {});
