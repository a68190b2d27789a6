// `keys rotate`: a new signing key beside the old ones. Those that others look up are announced a day ahead.
import { readConfig } from '../config.ts';
import type { KeyUse } from '../deps.ts';
import { CommandFault } from './fault.ts';
import { makeKey, withdrawKeys } from './node.ts';

/** Uses that can be rotated, and the setting that wins over the folder. */
const ROTATED: Partial<Record<KeyUse, 'tokenKey' | 'clientKey' | 'directoryKey' | null>> = {
  token: 'tokenKey',
  client: 'clientKey',
  directory: 'directoryKey',
  evidence: null,
};
export const ROTATED_USES = Object.keys(ROTATED);

const THEN: Partial<Record<KeyUse, string>> = {
  token: 'It is published now and signs after a day; the old one is withdrawn a day later. Nothing needs a restart.',
  client:
    'It is published now and signs after a day; the old one is withdrawn a day later. Send the new public key to payers that hold our keys as a file.',
  directory: 'It signs within a minute; older keys stay published.',
  evidence: 'It signs within a minute; older keys stay, so that old seals can be verified.',
};

/** @param options.now the old keys are lost or stolen: they are withdrawn at once, and what they signed is void */
export async function rotateKey(use: string, options: { now?: boolean }): Promise<void> {
  const known = (Object.keys(ROTATED) as KeyUse[]).find((u) => u === use);
  if (!known) throw new CommandFault(`There is no key for "${use}". Choose one of ${ROTATED_USES.join(', ')}.`);
  const config = readConfig(process.env);
  const name = ROTATED[known];
  if (name && config[name] !== undefined)
    throw new CommandFault(`The ${use} key comes from the environment: set a new one there (docs/settings.md).`);
  if (options.now && known === 'evidence')
    throw new CommandFault('Evidence keys are not withdrawn: seals made with them could not be verified any more.');
  // anyone who takes one family of client keys alone is to see a new one too
  const uses: readonly KeyUse[] =
    known === 'client' && config.clientRsaKey === undefined ? ['client', 'rsa-client'] : [known];
  const kids: string[] = [];
  let withdrawn = 0;
  for (const one of uses) {
    const kid = await makeKey(config.keysDir, one);
    kids.push(kid);
    if (options.now) withdrawn += withdrawKeys(config.keysDir, one, kid);
  }
  const then = options.now ? `It signs within a minute; ${withdrawn} older keys are withdrawn.` : (THEN[known] ?? '');
  process.stdout.write(`The new ${use} key is ${kids.join(', and for RS384 ')}, in ${config.keysDir}. ${then}\n`);
}
