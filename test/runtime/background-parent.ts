// A process that starts the harvesting one, and does nothing else.
import { startBackground } from '../../directory/commands/background.ts';
import { readConfig } from '../../src/config.ts';

const [url = ''] = process.argv.slice(2);
const node = {
  config: readConfig({ SANDBOX: 'on', LOG_LEVEL: 'silent', PUBLISH_EVERY: 'off' }),
  deps: { log: () => {} },
};
startBackground(node as unknown as Parameters<typeof startBackground>[0], url);
process.on('message', () => {});
