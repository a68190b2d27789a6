// Faults of postgres.js 3.4.9, mended in node_modules. A transaction whose connection breaks off sends its rollback to a socket
// that is gone, which ends the process. What was waiting to be written then is never forgotten, so that the connection is dead
// for ever. Questions that were on their way stay in the line of the next connection, which then answers the wrong ones. A cursor whose
// connection breaks off while its rows are being used goes on with whatever is asked then, or ends the process. A COPY whose last row
// is on its way never hears that the server refuses it, or is gone; nor does who reads one hear that the connection broke off.
// And what is sent by COPY is copied once more in memory to put five bytes before it. The line of idle connections keeps the place of each that
// was ever taken from it, and is searched as a whole for each question, until all are busy at once: a node that rests asks slower by the day.
// Does nothing to a driver that is mended already, and stops at one that it does not know.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Text, what it becomes, and how often it is there. */
const OF_CONNECTIONS = [
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
  [
    '    socket.removeAllListeners()\n    socket = null\n',
    "    socket.removeAllListeners()\n    socket = null\n\n    const lost = Errors.connection('CONNECTION_CLOSED', options)\n    query && queryError(query, lost)\n    query = null\n    while (sent.length)\n      queryError(sent.shift(), lost)\n",
    1,
  ],
  [
    '      queryError(sent.shift(), lost)\n\n    if (initial)\n',
    '      queryError(sent.shift(), lost)\n    stream && (stream.destroy(lost), stream = null)\n\n    if (initial)\n',
    1,
  ],
  [
    '    try {\n      const x = await Promise.resolve(query.cursorFn(result))\n      rows = 0\n',
    '    const asked = query\n    try {\n      const x = await Promise.resolve(asked.cursorFn(result))\n      if (query !== asked)\n        return\n      rows = 0\n',
    1,
  ],
  [
    '    } catch (err) {\n      write(Sync)\n      query.reject(err)\n',
    '    } catch (err) {\n      if (query !== asked)\n        return\n      write(Sync)\n      query.reject(err)\n',
    1,
  ],
  [
    '    stream && (stream.destroy(err), stream = null)\n',
    '    final && (final(err), final = null)\n    stream && (stream.destroy(err), stream = null)\n',
    1,
  ],
  [
    '    remaining = 0\n    incomings = null\n',
    "    remaining = 0\n    final && (final(Errors.connection('CONNECTION_CLOSED', options)), final = null)\n    incomings = null\n",
    1,
  ],
  [
    '        socket.write(b().d().raw(chunk).end(), callback)\n',
    '        const head = b().d().inc(chunk.length).end().subarray(0, 5)\n        socket.cork && socket.cork()\n        socket.write(head)\n        socket.write(chunk, callback)\n        socket.uncork && socket.uncork()\n',
    2,
  ],
];

const OF_LINES = [
  [
    '      const index = xs.indexOf(x)\n      return index === -1\n        ? null\n        : (xs.splice(index, 1), x)\n',
    '      const at = xs.indexOf(x, index)\n      return at === -1\n        ? null\n        : (xs.splice(at, 1), x)\n',
    1,
  ],
  [
    '        xs[index - 1] = undefined\n      }\n',
    '        xs[index - 1] = undefined\n        if (index >= 64 && index > xs.length / 2) {\n          xs = xs.slice(index)\n          index = 0\n        }\n      }\n',
    1,
  ],
];

const MENDS = { 'connection.js': OF_CONNECTIONS, 'queue.js': OF_LINES };

export function patchDriver() {
  for (const place of ['src', 'cjs/src', 'cf/src'])
    for (const [name, mends] of Object.entries(MENDS))
      mend(fileURLToPath(new URL(`../node_modules/postgres/${place}/${name}`, import.meta.url)), mends);
}

function mend(file, mends) {
  const before = readFileSync(file, 'utf8');
  let text = before;
  for (const [from, to, times] of mends) {
    if (text.includes(to)) continue;
    if (text.split(from).length - 1 !== times)
      throw new Error(
        'The database driver is not the one that scripts/patch-driver.mjs mends. Is its mending still needed?',
      );
    text = text.replaceAll(from, () => to);
  }
  if (text !== before) writeFileSync(file, text);
}
