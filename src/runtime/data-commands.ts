// The commands of the core that move data: `migrate` and `seed`.
import { readConfig } from '../config.ts';
import { migrate, planMigration } from '../db/migrate.ts';
import { interruptible } from '../import/import-progress.ts';
import { progressReporter } from '../import/progress.ts';
import { runSeed } from '../seed/index.ts';
import { CommandFault } from './fault.ts';
import { openServer } from './open-node.ts';
import { say } from './say.ts';

/** Records of a generated member on both sides together, about. */
const RECORDS_A_MEMBER = 282;
const number = new Intl.NumberFormat('en-US');

export async function runMigrate(options: { plan?: boolean }): Promise<void> {
  const config = readConfig({ LOG_LEVEL: 'warn', ...process.env });
  const server = await openServer(config);
  try {
    const url = await server.url('payer_node');
    if (options.plan) {
      const plan = await planMigration(url);
      if (plan.unknown.length > 0)
        throw new CommandFault(`The database is newer than this program (it has ${plan.unknown.join(', ')}).`);
      say(
        plan.pending.length === 0
          ? 'Nothing to do.'
          : plan.pending.map((p) => `${p.kind.padEnd(8)} ${p.name}`).join('\n'),
      );
      return;
    }
    const done = await migrate(url);
    say(done.length === 0 ? 'Nothing to do.' : done.map((name) => `done     ${name}`).join('\n'));
  } finally {
    await server.release();
  }
}

export async function runSeedCommand(
  kind: string,
  options: { size: string; seed: string; out: string; gzip?: boolean },
): Promise<void> {
  if (kind !== 'directory' && kind !== 'members')
    throw new CommandFault(`"${kind}" cannot be generated: seed directory or members.`);
  const whole = (name: string, text: string, least: number) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new CommandFault(`--${name} must be a whole number of ${least} or more.`);
    return value;
  };
  const size = whole('size', options.size, 1);
  const progress = progressReporter('seed');
  const expected = kind === 'directory' ? size : size * RECORDS_A_MEMBER;
  const result = await runSeed({
    kind,
    size,
    seed: whole('seed', options.seed, 0),
    out: options.out,
    ...(options.gzip ? { gzip: true } : {}),
    signal: interruptible(),
    onProgress: (n) => progress.update({ bytesRead: Math.min(n, expected), bytesTotal: expected, entries: n }),
  });
  const entries = Object.values(result.counts).reduce((a, b) => a + b, 0);
  progress.update({ bytesRead: result.bytes, bytesTotal: result.bytes, entries });
  progress.end();
  for (const [name, n] of Object.entries(result.counts)) say(`${number.format(n).padStart(12)} ${name}`);
  say(`${number.format(result.bytes)} bytes in ${options.out}`);
}
