// `keys rotate`: a new signing key beside the old ones, which stay published.
import { readConfig } from '../config.ts';
import type { KeyUse } from '../deps.ts';
import { makeKey } from '../runtime/node.ts';
import { CommandFault } from './fault.ts';

/** Uses that can be rotated, and the setting that wins over the folder. */
const ROTATED: Partial<Record<KeyUse, 'tokenKey' | 'clientKey' | 'directoryKey'>> = {
  token: 'tokenKey',
  client: 'clientKey',
  directory: 'directoryKey',
};
export const ROTATED_USES = Object.keys(ROTATED);

export async function rotateKey(use: string): Promise<void> {
  const known = (Object.entries(ROTATED) as [KeyUse, 'tokenKey' | 'clientKey' | 'directoryKey'][]).find(
    ([u]) => u === use,
  );
  if (!known) throw new CommandFault(`There is no key for "${use}". Choose one of ${ROTATED_USES.join(', ')}.`);
  const config = readConfig(process.env);
  if (config[known[1]] !== undefined)
    throw new CommandFault(`The ${use} key comes from the environment: set a new one there (docs/settings.md).`);
  const kid = await makeKey(config.keysDir, known[0]);
  process.stdout.write(
    `The new ${use} key is ${kid}, in ${config.keysDir}. Nodes sign with it after their next start; older keys stay published.\n`,
  );
}
