// What waits for people: how much, since when, and how much of it longer than it should.
import type { Deps } from '../../../src/deps.ts';
import type { Table } from '../../../src/ui/table.ts';
import { unreviewedEvents } from '../../compliance/security/security-review-rows.ts';
import { endOfDay, localDay } from '../../members/deadlines/business-day.ts';
import { lastPast, QUEUES, type Queue, type QueueName } from '../../review/queues.ts';
import { overdueDuties, type Waiting, waitingItems, waitingPulls } from '../../review/waiting.ts';
import { numberCell, timeCell } from './texts.ts';

export type QueueLine = { name: QueueName; queue: Queue } & Waiting;

export async function queueLines(deps: Pick<Deps, 'database' | 'config' | 'clock'>): Promise<QueueLine[]> {
  const { sql } = deps.database;
  const now = deps.clock();
  const { timeZone } = deps.config;
  const today = localDay(now, timeZone);
  const pastOf = (queue: Queue): Date | null => {
    const day = lastPast(queue, today, deps.config);
    return day === undefined ? null : endOfDay(day, timeZone);
  };
  const all = Object.entries(QUEUES) as [QueueName, Queue][];
  const never = new Date(0);
  const [items, clocks, pulls, events] = await Promise.all([
    waitingItems(
      sql,
      all.map(([queue, q]) => ({ queue, kinds: q.kinds, past: pastOf(q) })),
    ),
    overdueDuties(sql, now, pastOf(QUEUES.clocks) ?? never),
    waitingPulls(sql, pastOf(QUEUES.pulls) ?? never),
    unreviewedEvents(sql, pastOf(QUEUES.events) ?? never),
  ]);
  const others: Partial<Record<QueueName, Waiting>> = { clocks, pulls, events };
  return all.map(([name, queue]) => ({
    name,
    queue,
    ...(others[name] ?? items.get(name) ?? { n: 0, oldest: null, past: 0 }),
  }));
}

/** @param hrefOf where what waits is decided; undefined where the reader's role does not open it */
export function queueTable(
  lines: readonly QueueLine[],
  timeZone: string,
  hrefOf: (name: QueueName) => string | undefined,
): Table {
  return {
    name: 'queues',
    caption: 'What waits for people',
    columns: [
      { key: 'queue', label: 'Queue', kind: 'head' },
      { key: 'owner', label: 'Whose' },
      { key: 'target', label: 'To be decided within' },
      { key: 'open', label: 'Open', kind: 'number' },
      { key: 'oldest', label: 'Oldest' },
      { key: 'past', label: 'Longer than that', kind: 'number' },
    ],
    rows: lines.map((l) => [
      { value: l.queue.label },
      { value: l.queue.owner },
      { value: l.queue.target },
      numberCell(l.n, l.n > 0 ? hrefOf(l.name) : undefined),
      timeCell(l.oldest, timeZone),
      l.queue.dueOn === undefined
        ? { value: null }
        : { ...numberCell(l.past), ...(l.past > 0 ? { tone: 'act' as const } : {}) },
    ]),
    empty: '',
  };
}
