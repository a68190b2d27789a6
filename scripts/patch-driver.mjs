// Three faults of postgres.js 3.4.9, mended in node_modules: a transaction whose connection breaks off sends its rollback to a
// socket that is gone, which ends the process; and what was waiting to be written then is never forgotten, so that the
// connection is dead for ever. Does nothing to a driver that is mended already, and stops at one it does not know.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MARK = '/* mended by scripts/patch-driver.mjs */';
/** Text, what it becomes, and how often it is there. */
const MENDS = [
  [
    "    if (stream)\n      return queryError(q, Errors.generic('COPY_IN_PROGRESS'",
    "    if (socket === null)\n      return (queryError(q, Errors.connection('CONNECTION_CLOSED', options)), true)\n\n    if (stream)\n      return queryError(q, Errors.generic('COPY_IN_PROGRESS'",
    1,
  ],
  [
    '    const x = socket.write(chunk, fn)\n',
    '    if (socket === null) {\n      chunk = nextWriteTimer = null\n      return true\n    }\n    const x = socket.write(chunk, fn)\n',
    1,
  ],
  [
    '    clearImmediate(nextWriteTimer)\n    ',
    '    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n    ',
    2,
  ],
];

export function patchDriver() {
  for (const place of ['src', 'cjs/src', 'cf/src']) {
    const file = fileURLToPath(new URL(`../node_modules/postgres/${place}/connection.js`, import.meta.url));
    let text = readFileSync(file, 'utf8');
    if (text.startsWith(MARK)) continue;
    for (const [from, to, times] of MENDS) {
      if (text.split(from).length - 1 !== times)
        throw new Error(
          'The database driver is not the one that scripts/patch-driver.mjs mends. Is its mending still needed?',
        );
      text = text.replaceAll(from, () => to);
    }
    writeFileSync(file, `${MARK}${text}`);
  }
}
