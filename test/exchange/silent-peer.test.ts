// A server that takes the request for a file and says nothing is away, and is waited for; only who says something and does not come to the answer is slow.
import { expect, test } from 'vitest';
import { askPeer } from '../../exchange/requester/client/peer-fetch.ts';
import type { Talk } from '../../exchange/requester/client/talk.ts';

const MS = 200;
/** What a connection does whose own time-out is that of the bytes, and a little late. */
const silent = (ms: number): typeof fetch =>
  ((_: URL, { signal }: RequestInit) =>
    new Promise((_done, fail) => {
      const over = setTimeout(
        () => fail(new TypeError('fetch failed', { cause: { code: 'UND_ERR_HEADERS_TIMEOUT' } })),
        ms,
      );
      signal?.addEventListener('abort', () => {
        clearTimeout(over);
        fail(signal.reason);
      });
    })) as typeof fetch;
const asks = async (ms: number) => {
  const notes: string[] = [];
  const talk = {
    deps: { fetch: silent(ms), clock: () => new Date() },
    peer: { origins: ['https://prior.example'], fhirBase: 'https://prior.example/fhir', fileOrigins: [] },
    limits: { slowWindowMs: MS },
    note: (code: string) => void notes.push(code),
  } as unknown as Talk;
  const file = askPeer(talk, 'https://prior.example/f', { isFile: true, timeoutMs: 60_000 });
  const fault = await file.catch((error: { reason?: string; isTransient?: boolean }) => error);
  return { reason: (fault as { reason?: string }).reason, notes };
};

test('silence is reported as away', async () =>
  expect(await asks(MS * 1.05)).toEqual({ reason: 'unreachable', notes: [] }));

test('what goes on and on before the answer is reported as slow', async () =>
  expect(await asks(60_000)).toEqual({ reason: 'file-slow', notes: ['peer-slow'] }));
