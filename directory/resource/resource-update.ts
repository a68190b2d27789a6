// An import into a directory that holds something: batch by batch, each merged in a transaction while the next is read.
// New resources are written at once. Changes of existing ones wait until the input has ended, since the same id may come
// again: only the last of them counts, so the same input twice changes nothing.
import type { Sql } from '../../src/db/database.ts';
import { type Merged, mergeStaged } from './resource-merge.ts';
import { COLUMNS, copyIncoming, createStaging, type Staged, stagedLine, stagedLines } from './resource-staging.ts';
import { knownWords } from './vocabulary.ts';

export type UpdateOptions = { clock: () => Date; base: string; batch: number };

export type Update = {
  kind: 'update';
  add(row: Staged): void;
  /** entries since the last flush */
  count(): number;
  /** merges what was added, in a transaction; one flush at a time */
  flush(): Promise<Merged>;
  /** writes the changes that waited; a result for each transaction */
  finish(): AsyncGenerator<Merged>;
};

/** @param sql a dedicated client */
export async function beginUpdate(sql: Sql, options: UpdateOptions): Promise<Update> {
  await createStaging(sql);
  await sql.unsafe(`create temp table imported (rk bigint not null, seq integer not null);
    create temp table waiting (like incoming);
    alter table waiting set (toast_tuple_target = 8160)`);
  const vocabulary = knownWords();
  let lines = stagedLines();
  let seq = 0;
  let waiting = 0;
  return {
    kind: 'update',
    add(row) {
      lines.add(stagedLine(seq++, row));
      vocabulary.add(row.entries.nameWords);
    },
    count: () => lines.count(),
    async flush() {
      const full = lines;
      lines = stagedLines();
      const merged = await sql.begin(async (tx) => {
        await copyIncoming(sql, tx, full);
        await vocabulary.write(tx);
        await tx.unsafe('insert into imported select rk, seq from incoming');
        return mergeStaged(tx, options.clock(), options.base, 'wait');
      });
      waiting += merged.waiting;
      return merged;
    },
    async *finish() {
      if (waiting === 0) return;
      await sql.unsafe(`analyze imported; analyze waiting;
        create temp table due as select seq from waiting w
          where not exists (select from imported i where i.rk = w.rk and i.seq > w.seq);
        create index on waiting (seq); create index on due (seq)`);
      for (let last = -1; ; ) {
        const [upTo] = await sql.unsafe<{ seq: number | null }[]>(
          `select max(seq) as seq from (select seq from due where seq > ${last} order by seq limit ${options.batch}) d`,
        );
        const next = upTo?.seq ?? undefined;
        if (next === undefined) return vocabulary.prune(sql);
        const from = last;
        last = next;
        const merged = await sql.begin(async (tx) => {
          await vocabulary.write(tx);
          await tx.unsafe(`insert into incoming (${COLUMNS}) select ${COLUMNS} from waiting
            where seq in (select seq from due where seq > ${from} and seq <= ${next})`);
          return mergeStaged(tx, options.clock(), options.base, 'write');
        });
        vocabulary.leave(merged.leaving);
        yield merged;
      }
    },
  };
}
