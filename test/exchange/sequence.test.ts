// Someone who goes through card numbers one after the other is informed of, once for each batch; people of one employer, who have numbers in a row, are not.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { longestRow } from '../../exchange/responder/match/number-sequence.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, PEOPLE, US } from './plan-fixture.ts';

const row = (cards: readonly string[], found: readonly number[] = []) =>
  longestRow(cards.map((c, i) => ({ card: c, isFound: found.includes(i) })));
const from = (n: number, step = 1, length = 10, before = 'A', digits = 4) =>
  Array.from({ length }, (_, i) => `${before}${String(n + i * step).padStart(digits, '0')}`);

describe('a row', () => {
  test.each([
    ['of ten', from(1), 10],
    ['of nine', from(1, 1, 9), 0],
    ['in any order', from(100, 3, 12).toSorted((a, b) => Number(a.slice(-1)) - Number(b.slice(-1))), 12],
    ['with a step of ten', from(5, 10), 10],
    ['with a step of eleven', from(5, 11), 0],
    ['the same card again is one', [...from(1), ...from(1)], 10],
    ['of another beginning is another', [...from(1, 1, 5, 'A'), ...from(6, 1, 5, 'B')], 0],
    ['of another length is another', [...from(5, 1, 5, 'A', 1), ...from(10, 1, 5, 'A', 2)], 0],
    ['of one step, and then of another', [...from(1, 1, 9), ...from(11, 2, 9)], 10],
    ['no digits', Array.from({ length: 20 }, () => 'AB'), 0],
    ['of no one', [], 0],
  ])('%s', (_, cards, length) => expect(row(cards)).toBe(length));

  test('of which half are someone’s is none', () => {
    expect(row(from(1), [0, 2, 4, 6, 8])).toBe(0);
    expect(row(from(1), [0, 2, 4, 6])).toBe(10);
  });
});

describe('in a batch', () => {
  let node: TestNode;
  beforeAll(async () => {
    node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
    await enrol(node.deps, [PEOPLE.rivera], []);
  });
  afterAll(() => node.close());

  test('it is a security event and an alert for a week, and the payer is informed nothing of it', async () => {
    const { sql } = node.deps.database;
    const them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
    await them.signIn();
    const strangers = (numbers: string[]) =>
      numbers.map((number, i) =>
        card({ number, subscriber: number, family: `Nobody${'abcdefghijkl'[i]}`, given: 'Q', born: '1950-01-01' }),
      );
    const events = () =>
      sql`select object, detail->>'row' as row from exchange.audit where action = 'match-sequence' and outcome = 'noted' and reason = 'sequential-ids'`;
    const alerts = async (days = 0) => {
      const clock = () => new Date(Date.now() + days * 86_400_000);
      await keepAlerts({ ...node.deps, clock });
      return sql`select subject, amount from exchange.alert where kind = 'match-sequence' and cleared_at is null`;
    };
    await them.group([card(PEOPLE.rivera), ...strangers(['Z93', 'Z17', 'Z58', 'Z70'])]);
    expect([await events(), await alerts()]).toEqual([[], []]);
    await them.group([card(PEOPLE.rivera), ...strangers(from(500, 2, 11))]);
    expect(await events()).toEqual([{ object: expect.stringMatching(/^match\//), row: '11' }]);
    expect(await alerts(6)).toEqual([{ subject: 'a', amount: 11 }]);
    expect(await alerts(8)).toEqual([]);
  });
});
