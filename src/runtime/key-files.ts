// Signing keys as files of a folder. Keys that others look up before they see a signature are published a day before they
// sign, and a day after: no one who keeps a key set for a while is surprised, and no restart is needed.
import { randomUUID } from 'node:crypto';
import {
  constants,
  copyFileSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import type { Keys, KeyUse } from '../deps.ts';
import { makeFolder } from '../make-folder.ts';
import { formerKeys, publicKey } from './public-keys.ts';

type Key = JsonWebKey & { kid: string; alg: string };

const DAY = 86_400_000;
/** A process looks for new files this often. */
const LOOK_AGAIN_MS = 30_000;
/** Uses whose signatures are checked for minutes, by others who keep our key set. The rest is checked for years. */
const ANNOUNCED: ReadonlySet<KeyUse> = new Set(['token', 'client', 'rsa-client']);

/** Times of files, oldest first: which one signs, and from which on they are published. Pure. */
export function keyPlan(made: readonly Date[], use: KeyUse, now: Date): { signs: number; publishedFrom: number } {
  const lead = ANNOUNCED.has(use) ? DAY : 0;
  // the first key signs at once: no one knows another
  const startOf = (i: number) => (i === 0 ? 0 : (made[i]?.getTime() ?? 0) + lead);
  let signs = 0;
  for (let i = 1; i < made.length; i++) if (startOf(i) <= now.getTime()) signs = i;
  if (!ANNOUNCED.has(use)) return { signs, publishedFrom: 0 };
  let publishedFrom = 0;
  // the last use of a key is the start of the next one
  while (publishedFrom < signs && startOf(publishedFrom + 1) + DAY <= now.getTime()) publishedFrom++;
  return { signs, publishedFrom };
}

const filesOf = (root: string, use: KeyUse): string[] =>
  readdirSync(root)
    .filter((f) => f.startsWith(`${use}-`) && f.endsWith('.jwk'))
    .sort();

const stampOf = (at: Date): string => at.toISOString().replace(/[-:.]/g, '').slice(0, 18);

/** When a key of this file name was made. */
function madeAt(file: string): Date {
  const m = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})-/.exec(file);
  return m ? new Date(`${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}.${m[7]}Z`) : new Date(0);
}

/** Days after which a key that others look up is to be changed. */
const KEY_DAYS = 90;

/**
 * Uses whose newest key in a folder is older than {@link KEY_DAYS} days, with when it was made: the time in its name, or of its file where that has none. Keys
 * of the environment are not in it.
 */
export function oldKeys(folder: string, uses: readonly KeyUse[], now: Date): { use: KeyUse; made: Date }[] {
  return uses.flatMap((use) => {
    const newest = filesOf(folder, use).at(-1);
    if (newest === undefined) return [];
    const named = madeAt(newest);
    const made = named.getTime() === 0 ? statSync(join(folder, newest)).mtime : named;
    return now.getTime() - made.getTime() > KEY_DAYS * DAY ? [{ use, made }] : [];
  });
}

const RSA_BITS = 3072;

/** A new key in a file that is no key's yet: what is read as one is never half written. */
async function writeNew(folder: string, use: KeyUse): Promise<{ kid: string; file: string }> {
  makeFolder(folder);
  const kid = randomUUID();
  const alg = use === 'rsa-client' ? 'RS384' : 'ES384';
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_BITS });
  const jwk = { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
  const file = join(folder, `.${kid}.part`);
  writeFileSync(file, JSON.stringify(jwk), { mode: 0o600, flag: 'wx', flush: true });
  return { kid, file };
}

/**
 * A new key of a use as a file of its own, mode 0600.
 * @returns its kid
 */
export async function makeKey(folder: string, use: KeyUse, now = new Date()): Promise<string> {
  const { kid, file } = await writeNew(folder, use);
  renameSync(file, join(folder, `${use}-${stampOf(now)}-${kid}.jwk`));
  return kid;
}

/** Before all that have a time in their name. */
const firstOf = (use: KeyUse): string => `${use}-0-first.jwk`;

/**
 * The first key of a use. Of several processes that begin in one empty folder one makes it, because there is one name for it: each would sign with
 * its own, and not know those of the others until it looks again.
 */
async function makeFirstKey(folder: string, use: KeyUse): Promise<void> {
  const { file } = await writeNew(folder, use);
  const first = join(folder, firstOf(use));
  try {
    claim(file, first);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(file, { force: true });
  }
}

/** Gives a file a name that it has whole, or not at all. @throws EEXIST when there is one of this name */
function claim(file: string, name: string): void {
  try {
    linkSync(file, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // there are file systems without links: one is first there, too, and writes a moment longer
    copyFileSync(file, name, constants.COPYFILE_EXCL);
  }
}

/** @throws Error with the file's name, when it holds no key */
function readKey(folder: string, file: string): Key {
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Key;
  } catch {
    throw new Error(`There is no key in ${join(folder, file)}: bring it back from a copy, or remove it.`);
  }
}

/** Takes all keys of a use out of service but one: they neither sign nor are published. Their files stay, renamed. */
export function withdrawKeys(folder: string, use: KeyUse, exceptKid: string): number {
  const files = filesOf(folder, use).filter((f) => !f.includes(exceptKid));
  for (const file of files) renameSync(join(folder, file), join(folder, `${file}.withdrawn`));
  return files.length;
}

/**
 * Signing keys in a folder, one file a key; the first key of each use is made when missing.
 * @param given private JWKs as text that win over the folder, such as secrets of the environment
 * @param former public JWK Sets as text, published beside the keys that are given
 */
export function fileKeys(
  folder: string,
  given: Partial<Record<KeyUse, string | undefined>> = {},
  former: Partial<Record<KeyUse, string | undefined>> = {},
  clock: () => Date = () => new Date(),
): Keys {
  const root = resolve(folder);
  type Loaded = { at: number; keys: Promise<{ key: Key; made: Date }[]> };
  const loaded = new Map<KeyUse, Loaded>();
  const load = async (use: KeyUse): Promise<{ key: Key; made: Date }[]> => {
    const own = given[use];
    if (own !== undefined) return [{ key: JSON.parse(own) as Key, made: new Date(0) }];
    // processes that share no folder would each publish one of its own
    if (use === 'rsa-client' && given.client !== undefined) return [];
    makeFolder(root);
    if (filesOf(root, use).length === 0) await makeFirstKey(root, use);
    return filesOf(root, use).map((f) => ({
      key: readKey(root, f),
      made: madeAt(f),
    }));
  };
  const all = (use: KeyUse): Promise<{ key: Key; made: Date }[]> => {
    const now = clock().getTime();
    const known = loaded.get(use);
    if (known && now - known.at < LOOK_AGAIN_MS) return known.keys;
    const fresh = { at: now, keys: load(use) };
    fresh.keys.catch(() => loaded.delete(use));
    loaded.set(use, fresh);
    return fresh.keys;
  };
  const plan = async (use: KeyUse) => {
    const keys = await all(use);
    return {
      keys,
      ...keyPlan(
        keys.map((k) => k.made),
        use,
        clock(),
      ),
    };
  };
  return {
    async signing(use) {
      const { keys, signs } = await plan(use);
      const one = keys[signs];
      if (!one) throw new Error(`There is no ${use} key in the keys folder.`);
      return one.key;
    },
    async published(use) {
      const { keys, publishedFrom } = await plan(use);
      return [...formerKeys(former[use]), ...keys.slice(publishedFrom).map((k) => k.key)].map(publicKey);
    },
  };
}
