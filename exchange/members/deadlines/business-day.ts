// Due dates of the exchange on the federal business-day calendar.
import { addDays, type Day, endOfDay, localDay, nextBusinessDay } from '../../../src/calendar/federal.ts';
import { calendarVersion } from './rules.ts';

export * from '../../../src/calendar/federal.ts';

/** When an answer to a peer is due: the end of the first business day strictly after the local day of receipt. */
export function responseDue(receivedAt: Date, calendar: { timeZone: string; extraHolidays: readonly Day[] }): Date {
  return endOfDay(nextBusinessDay(localDay(receivedAt, calendar.timeZone), calendar.extraHolidays), calendar.timeZone);
}

/** What the set-based clocks of members need of the settings. */
export type Calendar = {
  /** IANA zone of the plan */
  zone: string;
  /** see `calendarVersion` */
  version: string;
  /** the day on which those enrolled before it must have been offered the choice */
  complianceDay: Day;
};

export const calendarOf = (config: {
  timeZone: string;
  extraHolidays: readonly Day[];
  complianceDate: Day;
}): Calendar => ({
  zone: config.timeZone,
  version: calendarVersion(config.extraHolidays),
  complianceDay: config.complianceDate,
});

/** When a request to a peer is due: the end of the seventh calendar day after the start. */
export function requestDue(startedOn: Day, timeZone: string): Date {
  return endOfDay(addDays(startedOn, 7), timeZone);
}
