// The compliance report of a period: figures with numerator and denominator, and the rows behind them.

import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Table } from '../../../src/ui/table.ts';
import { VERSION } from '../../../src/version.ts';
import { calendarVersion, RULE_VERSION } from '../../members/deadlines/rules.ts';
import { memberKeys } from '../../members/member-key.ts';
import { type Figure, type FigureRows, figures } from './compliance-figures.ts';
import { complianceTables, MORE, type MoreRows, type Others } from './compliance-tables.ts';
import { leads } from './links.ts';
import { instantsOf, type Period, periodBefore } from './period.ts';
import { givenRows } from './report-disclosed.ts';
import { type ComplianceQuery, complianceRows, type Scope } from './report-figures.ts';

type Needs = Pick<Deps, 'clock' | 'config' | 'keys'> & { database: { sql: Queryable } };

/** What a report of one line of business or one payer leaves whole: for the reader, who would take it for that part. */
export function notSplit(scope: ComplianceScope): string[] {
  return [
    ...(scope.lob === undefined
      ? []
      : [
          'Not of this line of business alone, because one request or pull is about members of several: requests we answered, answers to match requests, refusals, findings, pulls and exports, what people did, cases, emergency access, texts shown. Records shared by members, such as practitioners, are left out.',
        ]),
    ...(scope.peerId === undefined
      ? []
      : ['Choices of members, cases, emergency access and texts shown are not of one payer: they are all here.']),
  ];
}

export type ComplianceScope = { period: Period; peerId?: string; lob?: string };
/** What the facts on the cover are called. */
export const COVER_WORDS: Readonly<Record<string, string>> = {
  plan: 'Plan',
  identifier: 'NPI',
  period: 'Period',
  lineOfBusiness: 'Line of business',
  payer: 'Payer',
  timeZone: 'Time zone',
  software: 'Version of the program',
  rules: 'Version of the rules',
  calendar: 'Calendar of business days',
};

export type ComplianceReport = { cover: [string, string][]; figures: Figure[]; tables: Table[] };

const NOTHING: FigureRows = {
  clocks: [],
  optIn: {},
  withdrawals: {},
  weAsked: [],
  theyAsked: [],
  matching: [],
  outcomes: [],
  quarantine: [],
};

/**
 * Everything the report holds. The same rows and period give the same tables. What is independent is read at once, over
 * three connections: each of the three reads one after the other.
 * @param isAlone without the figures of the period before beside it (they stand as `n/a`), for who does not show them
 */
export async function complianceReport(
  deps: Needs,
  scope: ComplianceScope,
  isAlone = false,
): Promise<ComplianceReport> {
  const { sql } = deps.database;
  const { timeZone } = deps.config;
  const now = deps.clock();
  const scopeOf = (p: Period): Scope => ({
    ...instantsOf(p, timeZone),
    now,
    peerId: scope.peerId ?? null,
    lob: scope.lob ?? null,
    timeZone,
  });
  const here = scopeOf(scope.period);
  const rows = (query: ComplianceQuery, s = here) => complianceRows(sql, query, s);
  const before = periodBefore(scope.period);
  const figureRows = async (s: Scope): Promise<FigureRows> => ({
    clocks: await rows('clocks', s),
    optIn: (await rows('optIn', s))[0] ?? {},
    withdrawals: (await rows('withdrawals', s))[0] ?? {},
    weAsked: await rows('weAsked', s),
    theyAsked: await rows('theyAsked', s),
    matching: await rows('matching', s),
    outcomes: await rows('outcomes', s),
    quarantine: await rows('quarantine', s),
  });
  const tableRows = async (): Promise<Others> => {
    const read: Partial<Others> = {};
    for (const query of MORE) read[query] = await rows(query);
    return read as Others;
  };
  const keyOf = await memberKeys(deps);
  const [had, was, [{ disclosed, ...given }, others]] = await Promise.all([
    figureRows(here),
    isAlone ? NOTHING : figureRows(scopeOf(before)),
    givenRows(sql, here).then(async (g) => [g, await tableRows()] as const),
  ]);
  const more: MoreRows = { ...others, ...given, metrics: others.metrics.map((r) => ({ ...r, disclosed })) };
  const figureList = figures(had, was);
  const tables = complianceTables(had, more, figureList, {
    before: before.name,
    timeZone,
    now,
    keyOf,
    lead: leads({ period: scope.period.name, peerId: scope.peerId, lob: scope.lob }),
  });
  const cover: [string, string][] = [
    ['plan', deps.config.planName],
    ['identifier', deps.config.planNpi],
    ['period', `${scope.period.first} to ${scope.period.last}`],
    ['lineOfBusiness', scope.lob ?? 'all'],
    ['payer', scope.peerId ?? 'all'],
    ['timeZone', timeZone],
    ['software', VERSION],
    ['rules', RULE_VERSION],
    ['calendar', calendarVersion(deps.config.extraHolidays)],
  ];
  return { cover, figures: figureList, tables };
}
