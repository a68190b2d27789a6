// npm run bench: runs bench/run.ts with the project's Node.
import { spawnSync } from 'node:child_process';
import { patchDriver } from './patch-driver.mjs';

patchDriver();

const { status } = spawnSync(process.execPath, ['bench/run.ts', ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(status ?? 1);
