// What commands print, and in whose name they act.
import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { jsonLog } from '../../src/runtime/node.ts';
import { person } from '../../src/runtime/open-node.ts';
import { plain } from '../../src/runtime/say.ts';

const given = process.env['PAYER_NODE_USER'];
afterEach(() => {
  if (given === undefined) delete process.env['PAYER_NODE_USER'];
  else process.env['PAYER_NODE_USER'] = given;
});

test('what others wrote neither steers the terminal nor turns what is read around', () => {
  expect(plain('New\u001b[31mName\u009b2J\u202e\u2066\u200f\rOld')).toBe(
    'New\ufffd[31mName\ufffd2J\ufffd\ufffd\ufffd\ufffdOld',
  );
  expect(plain('two lines\n\tof José – 李 👩‍⚕️')).toBe('two lines\n\tof José – 李 👩‍⚕️');
});

test('a line of the log is one line of what is seen, and is read as what was said', () => {
  const lines: string[] = [];
  const said = 'a\r\nb\u001b[2J\u009b\u202e\u2066\u2028\u200b\ufeff"\\ José 李';
  jsonLog('info', (line) => void lines.push(line))('info', said, { said });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[\x20-\x7eé李]+\n$/);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: said, said });
});

test('a name of nothing is nobody: the account acts, and is no second person', () => {
  for (const name of ['', '  ', '\t']) {
    process.env['PAYER_NODE_USER'] = name;
    expect(person()).toBe(userInfo().username);
  }
  process.env['PAYER_NODE_USER'] = ' bob ';
  expect(person()).toBe(`bob (${userInfo().username})`);
  process.env['PAYER_NODE_USER'] = userInfo().username;
  expect(person()).toBe(userInfo().username);
});

test.skipIf(process.getuid?.() !== 0)('an account that the system has no name for is its number', () => {
  const module = new URL('../../src/runtime/open-node.ts', import.meta.url).href;
  const ask = `const { person } = await import(${JSON.stringify(module)}); process.setuid(54321); process.stdout.write(person())`;
  const said = (name: string) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', ask], {
      env: { ...process.env, PAYER_NODE_USER: name },
      encoding: 'utf8',
    });
  expect(said('bob')).toBe('bob (uid 54321)');
  expect(said('')).toBe('uid 54321');
});
