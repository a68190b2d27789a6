// The rows behind the numbers of the compliance report. Each list is read from the same tables under the same
// conditions as its number is counted (report-compliance.ts), so that they are as many. $1 to $5 are those of the
// report, $6 the plan's zone, $7 and $8 what narrows the list, or null.
import type { Queryable } from '../../../src/db/database.ts';
import { GIVEN_AT, GIVEN_IN } from '../../members/consent/choice-as-of.ts';
import { isSaidSql } from '../../members/merge/member-merge.ts';
import { ASKED_FOR, GIVEN_AWAY, IS_OWN, OF_SAME, SENT } from './consent-as-of.ts';
import { QUARANTINED } from './quarantined.ts';
import { LOB, MOST_ROWS, OF_LOB, type Row, type Scope, SINGLES, USED } from './report-figures.ts';

const [AT, OTHER_AT] = [GIVEN_AT('c', '$6'), GIVEN_AT('o', '$6')];
const SAID_IN = `${GIVEN_IN('c', '$6', '$1', '$2')} and ${LOB('c.member_id')}`;
const CHOICE = `c.id, c.member_id as "memberId", ${AT} as at, c.created_at as recorded, c.choice, c.given_by as "givenBy", c.channel`;
const NOTHING_SENT = 'null::timestamptz as sent, null::text as pull';

/** Choices of the period that someone made, one a member: the newest, and how often. */
const ofMembers = (which: string) => `
    select distinct on (c.member_id) ${CHOICE}, ${NOTHING_SENT}, (count(*) over (partition by c.member_id))::int as times
    from exchange.consent c where ${which} and ${SAID_IN} order by c.member_id, ${AT} desc, c.id`;
const chose = (choice: string) => ofMembers(`c.choice = '${choice}' and ${isSaidSql('c')}`);

/** Withdrawals, each with the first that was sent of the member after it, until the member opted in again. */
const WITHDRAWALS = `
    select ${CHOICE}, s.at as sent, s.pull, 1 as times
    from exchange.consent c left join lateral (
      select s.at, s.pull from ${SENT('c')} s where s.at > ${AT} and s.at < coalesce((select min(${OTHER_AT}) from exchange.consent o
        where o.member_id = c.member_id and o.choice = 'opt-in' and ${OTHER_AT} > ${AT} and ${OF_SAME('c', 'o', OTHER_AT)}), 'infinity')
          order by s.at limit 1) s on true
    where c.choice = 'withdraw' and ${IS_OWN('c')} and ${isSaidSql('c')} and ${SAID_IN}`;

const CHOICES = {
  offered: `select distinct on (c.member_id) c.id::text as id, c.member_id as "memberId", c.at, null::timestamptz as recorded,
    'offer' as choice, null::text as "givenBy", c.channel,
      ${NOTHING_SENT}, (count(*) over (partition by c.member_id))::int as times
    from exchange.contact c where c.kind = 'offer' and c.result = 'delivered' and c.at >= $1 and c.at < $2
      and ${LOB('c.member_id')} order by c.member_id, c.at desc, c.id`,
  'after-offer':
    ofMembers(`c.choice = 'opt-in' and ${isSaidSql('c')} and exists (select from exchange.contact t where t.member_id = c.member_id
      and t.kind = 'offer' and t.result = 'delivered' and t.at <= ${AT})`),
  'opted-in': chose('opt-in'),
  declined: chose('decline'),
  withdrew: chose('withdraw'),
  representatives: ofMembers(`c.given_by = 'representative'`),
  later: `select ${CHOICE}, ${NOTHING_SENT}, 1 as times from exchange.consent c where c.created_at >= $2 and ${SAID_IN}`,
  withdrawals: WITHDRAWALS,
  obeyed: `select * from (${WITHDRAWALS}) w where sent is null`,
  'not-obeyed': `select * from (${WITHDRAWALS}) w where sent is not null`,
} as const;

/** Members asked for, one for each payer: the newest pull that asked. pull_member's primary key. */
const ASKED = (which: string) => `
    select * from (
      select r.name as payer, m.member_id as "memberId", p.peer_id || m.member_id as id, bool_or(m.outcome is not null) as answered,
        coalesce(bool_or(m.outcome = 'matched'), false) as matched, coalesce(bool_or(m.outcome = 'constrained'), false) as constrained,
        max(p.created_at) as at, (array_agg(p.id order by p.created_at desc, p.id))[1] as pull, count(*)::int as times
      from exchange.pull p join exchange.pull_member m on m.pull_id = p.id join exchange.peer r on r.id = p.peer_id
      where p.created_at >= $1 and p.created_at < $2 and ${ASKED_FOR('m')} and ($4::text is null or p.peer_id = $4)
        and ${LOB('m.member_id')}
      group by p.peer_id, r.name, m.member_id) a where ${which}`;

/** Members that payers asked for, by batch or one by one; $7 the answer, $8 why. */
const ANSWERS = `
    select m.*, r.name as payer from (
      select j.peer_id, j.received_at as at, j.id as request, m.position::text as id, m.outcome, m.reason, m.member_id as "memberId"
      from exchange.match_member m join exchange.bulk_job j on j.id = m.job_id
      where j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4)
      union all
      select m.peer_id, m.at, null, m.id::text, m.outcome, m.reason, m.member_id from exchange.match_single m where ${SINGLES}
    ) m join exchange.peer r on r.id = m.peer_id
    where ($7::text is null or m.outcome = $7) and ($8::text is null or m.reason = $8)`;

/** Pulls that ended in the period, with how many of their lines came to what; $7 outcomes, $8 the type. The sum is the number. */
const LINES = `
    select p.id as pull, p.id || l.outcome as id, r.name as payer, p.finished_at as at, l.outcome, $8::text as type, sum(l.units)::int as n
    from exchange.pull p join exchange.peer r on r.id = p.peer_id join exchange.ledger_by_member l on l.pull_id = p.id
    where p.finished_at >= $1 and p.finished_at < $2 and ($4::text is null or p.peer_id = $4) and ${OF_LOB('l.member_id')}
      and ($7::text is null or l.outcome = any(string_to_array($7, ' '))) and ($8::text is null or coalesce(l.type, '') = $8)
    group by p.id, r.name, l.outcome`;

/** Records in quarantine at the end of the period, one for each reason; $7 the reason. */
const HELD = (which: string) => `
    select * from (
      select r.name as payer, l.type, l.source_id as id, coalesce(before.reason, l.reason) as reason,
        coalesce(bool_or(d.decision = 'discard'), false) as discarded,
        min(coalesce(since.at, p.finished_at)) as at, (array_agg(l.member_id order by p.finished_at desc, p.id))[1] as "memberId",
        (array_agg(p.id || '/lines/' || l.file || '/' || l.line || '/' || l.entry
          order by p.finished_at desc, p.id))[1] as line, count(distinct p.id)::int as times
      from ${QUARANTINED} and ($4::text is null or p.peer_id = $4) and ${OF_LOB('l.member_id')}
      group by p.peer_id, r.name, l.type, l.source_id, coalesce(before.reason, l.reason)) h
    where ${which} and ($7::text is null or reason = $7)`;

/** Whose records left, or were made ready and not fetched, one for each recipient and way; $7 the way. */
const GIVEN = (which: string) => `
    select * from (
      with ${GIVEN_AWAY(LOB)}
      select r.id || '/' || g.action || '/' || g.person as id, r.name as payer, g.action, g.person as "memberId", min(g.at) filter (where
        g.here) as first,
        coalesce(max(g.at) filter (where g.here), max(g.made)) as at, max(g.at) filter (where g.here) as last, count(*) filter (where
          g.here)::int as times,
        count(*) filter (where g.made >= $1 and not coalesce(g.at < $2, false))::int as ready
      from given g join exchange.peer r on r.id = g.peer_id group by r.id, r.name, g.action, g.person) g
    where ${which} and ($7::text is null or action = $7)`;

const BEHIND = {
  choices: CHOICES,
  asked: {
    all: ASKED('true'),
    matched: ASKED('matched'),
    constrained: ASKED('constrained and not matched'),
    unmatched: ASKED('answered and not matched and not constrained'),
    unanswered: ASKED('not answered'),
  },
  answers: { all: ANSWERS, single: `select * from (${ANSWERS}) s where request is null` },
  lines: { all: LINES },
  given: { all: GIVEN('times > 0'), ready: GIVEN('ready > 0') },
  held: { all: HELD('true'), waiting: HELD('not discarded'), discarded: HELD('discarded') },
} as const satisfies Record<string, Record<string, string>>;
export type Behind = keyof typeof BEHIND;

/** What may be asked for of each list. */
export const BEHIND_SHOWS: Readonly<Record<Behind, readonly string[]>> = Object.fromEntries(
  Object.entries(BEHIND).map(([list, shows]) => [list, Object.keys(shows)]),
) as unknown as Record<Behind, string[]>;

/**
 * Rows of a list, newest first, each with how many there are of all (`ofAll`).
 * @param show one of {@link BEHIND_SHOWS}; `first`, `second` what narrows the list, as it says
 */
export async function rowsBehind(
  sql: Queryable,
  list: Behind,
  show: string,
  s: Scope & { first?: string | undefined; second?: string | undefined },
): Promise<Row[]> {
  const query = (BEHIND[list] as Readonly<Record<string, string>>)[show];
  if (query === undefined) throw new Error(`no such list: ${list} ${show}`);
  return [
    ...(await sql.unsafe<Row[]>(
      `select b.*, count(*) over ()::int as "ofAll" from (${query}) b
       where ${USED} and $6::text is not null and coalesce($7::text, '') is not null and coalesce($8::text, '') is not null
       order by b.at desc, b.id limit ${MOST_ROWS}`,
      [s.from, s.to, s.now, s.peerId, s.lob, s.timeZone, s.first ?? null, s.second ?? null],
    )),
  ];
}
