// The time of an export: whatever has it, or an earlier one, is in its snapshot.
import { expect, test } from 'vitest';
import { settledTime } from '../../exchange/responder/export/settled-time.ts';
import type { Queryable } from '../../src/db/database.ts';
import { freshDb } from '../support/db.ts';

test('who began later within the millisecond of an export is waited for: records have whole milliseconds', async () => {
  const db = await freshDb({ max: 3 });
  try {
    let end = () => {};
    const ended = new Promise<void>((done) => {
      end = done;
    });
    let began: (at: Date) => void = () => {};
    const start = new Promise<Date>((done) => {
      began = done;
    });
    let isOver = false;
    const writer = db.sql
      .begin(async (tx) => {
        const [row] = await tx<{ at: Date }[]>`select date_trunc('milliseconds', now()) as at`;
        began(row?.at ?? new Date(0));
        await ended;
      })
      .then(() => {
        isOver = true;
      });
    const at = await start;
    // the clock of the export reads the same millisecond as the writer's
    let asked = 0;
    const sql = ((...given: Parameters<typeof db.sql>) =>
      asked++ === 0 ? Promise.resolve([{ at }]) : db.sql(...given)) as unknown as Queryable;
    const settled = settledTime(sql).then((time) => ({ time, wasOver: isOver }));
    setTimeout(end, 300);
    await writer;
    expect(await settled).toEqual({ time: at, wasOver: true });
    expect(asked).toBeGreaterThan(2);
  } finally {
    await db.close();
  }
});
