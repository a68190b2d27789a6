// `publish`: a publication of the directory, now or when it is due.
import cron from 'node-cron';
import { readConfig } from '../../src/config.ts';
import { networkPolicy } from '../../src/net/address.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { guardedFetch } from '../../src/runtime/node-fetch.ts';
import { type OpenNode, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { mergedPublishing } from '../federation/publishing.ts';
import { MPF_CODE_NAMES, MPF_CODES } from '../mpf/codes.ts';
import { probeMpf, readIndexUrl } from '../mpf/probe.ts';
import { PARTS, type Part } from '../publish/make-publication.ts';
import { publishIfDue, publishNow, startPublishing } from '../publish/work.ts';
import { readState } from '../resource/resource.ts';

const isPart = (text: string): text is Part => PARTS.some((p) => p === text);

/** @throws CommandFault for a name that is no part */
function readParts(names: readonly string[] | undefined): readonly Part[] {
  if (names === undefined) return PARTS;
  const wrong = names.find((n) => !isPart(n));
  if (wrong !== undefined) throw new CommandFault(`"${wrong}" cannot be published: ${PARTS.join(', ')}.`);
  return names.filter(isPart);
}

export async function publish(options: { now?: boolean; only?: string[] }): Promise<void> {
  const parts = readParts(options.only);
  await withNode(async ({ deps, config }) => {
    const isNow = options.now === true || options.only !== undefined;
    const made = isNow ? await publishNow(deps, parts) : await publishIfDue(deps);
    const merged = mergedPublishing(deps);
    if (isNow && parts.includes('bulk') && (await readState(merged.database.sql)).change > 0n) await publishNow(merged);
    else if (!isNow) await publishIfDue(merged);
    if (made === 'busy') throw new CommandFault('Another process is publishing. Try again when it has ended.');
    if (made === 'not-due') {
      say('Nothing is due. To publish now: payer-node publish --now');
      return;
    }
    const total = made.counts.reduce((a, b) => a + b, 0);
    say(
      `Publication ${made.number}: ${total} resources, up to ${made.covers.toISOString()}. ${config.baseUrl}/publications`,
    );
    for (const key of made.refused)
      say(
        `Medicare Plan Finder ${key.replace('/', ', ')}: refused by its audit; what was shown before stays. ${config.baseUrl}/publications/mpf/${key}/audit`,
      );
    if (made.refused.length > 0) process.exitCode = 1;
    if (made.failed.length > 0)
      throw new CommandFault(
        `Not made, and shown as before: ${made.failed.join(', ')}. The log says why (LOG_LEVEL=error).`,
      );
  });
}

export type Publishing = { wake(): void; stop(): Promise<void> };

/**
 * Publishes for a serving node: at its start when something is due, and then by the schedule.
 * @param onWork called when work begins and ends
 */
export function startPublisher(node: OpenNode, onWork?: (working: boolean) => void): Publishing {
  const worker = startPublishing(node.deps, mergedPublishing(node.deps), onWork);
  const task = cron.schedule('*/10 * * * * *', () => worker.wake(), { name: 'publish' });
  worker.wake();
  return {
    wake: () => worker.wake(),
    async stop() {
      await task.destroy();
      await worker.stop();
    },
  };
}

/** The first publication of the sandbox, so that every channel answers. */
export async function publishFirst(node: OpenNode): Promise<void> {
  await publishIfDue(node.deps);
}

/** Reads an index as CMS would, at its live address. */
export async function publishProbe(url: string, options: { contract?: string; year?: string }): Promise<void> {
  const named = readIndexUrl(url);
  const contract = options.contract ?? named?.contract;
  const year = options.year === undefined ? named?.year : Number(options.year);
  if (contract === undefined || year === undefined || !Number.isInteger(year))
    throw new CommandFault('Name the contract and the year: --contract H1234 --year 2027. The URL does not.');
  const config = readConfig({ LOG_LEVEL: 'warn', ...process.env });
  const outgoing = guardedFetch(networkPolicy(config));
  const first = new Map<string, string>();
  try {
    const result = await probeMpf(
      url,
      { contract, year },
      {
        fetch: outgoing,
        now: new Date(),
        allowHttp: config.sandbox,
        onFinding: (f) => {
          if (!first.has(f.code)) first.set(f.code, [f.resource, f.element, f.file].filter(Boolean).join(' '));
        },
      },
    );
    for (const code of MPF_CODE_NAMES) {
      const n = result.counts[code] ?? 0;
      if (n > 0)
        say(
          `${MPF_CODES[code].level.padEnd(8)} ${code} ${String(n).padStart(7)}  ${MPF_CODES[code].text} ${first.get(code) ?? ''}`,
        );
    }
    say(
      result.fatal
        ? 'CMS would refuse this set.'
        : `CMS would take this set: ${Object.entries(result.resources)
            .map(([t, n]) => `${n} ${t}`)
            .join(', ')}.`,
    );
    if (result.fatal) process.exitCode = 1;
  } finally {
    await outgoing.close();
  }
}
