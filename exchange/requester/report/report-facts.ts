// The tables of a report that stand beside the figures: the pull itself, its timeline, and what the outcomes mean.
import type { Cell, Table } from '../../../src/ui/table.ts';
import { OUTCOME_NAMES, OUTCOMES } from '../../reconcile/reasons.ts';
import { CAUSES, codeCell, numberCell, pullStateCell, timeCell, timeText } from '../../staff/data/texts.ts';
import type { PullReport } from './pull-report.ts';

const pullCell = (id: string): Cell => ({ value: id, text: `pull ${id}`, href: `/staff/pulls/${id}` });

export function facts(r: PullReport): Table {
  const { pull, timeZone } = r;
  const row = (key: string, cell: Cell): Cell[] => [{ value: key }, cell];
  return {
    name: 'facts',
    caption: 'This pull',
    columns: [
      { key: 'fact', label: 'Fact', kind: 'head' },
      { key: 'value', label: 'Value' },
    ],
    rows: [
      row('Pull', { value: pull.id, code: true }),
      ...(pull.partOf === null ? [] : [row('Its members were part of', pullCell(pull.partOf))]),
      ...r.parts.map((id) => row('Others of its members are asked for by', pullCell(id))),
      row('Other payer', { value: r.peer.name }),
      row('State', pullStateCell(pull.state)),
      row('Cause', { value: pull.cause, text: CAUSES[pull.cause] ?? pull.cause }),
      row(
        'Asked for',
        pull.since === null
          ? { value: 'everything' }
          : { ...timeCell(pull.since, timeZone), text: `changes since ${timeText(pull.since, timeZone)}` },
      ),
      row('Started', timeCell(pull.createdAt, timeZone)),
      row('Due', timeCell(pull.dueAt, timeZone)),
      row('Export asked for', timeCell(pull.kickedOffAt, timeZone)),
      row('State of the other payer’s data', timeCell(pull.transactionTime, timeZone)),
      row('Finished', timeCell(pull.finishedAt, timeZone)),
      ...(pull.filesRemovedAt === null
        ? []
        : [
            row('Files', {
              ...timeCell(pull.filesRemovedAt, timeZone),
              text: `removed ${timeText(pull.filesRemovedAt, timeZone)}, as their time was over: their SHA-256 and the outcome of each line stay`,
            }),
          ]),
      row('SHA-256 of the manifest', { value: r.manifestSha256, code: true }),
      row('Report made', {
        ...timeCell(r.generatedAt, timeZone),
        text: `${timeText(r.generatedAt, timeZone)} by ${r.software}`,
      }),
    ],
    empty: '',
  };
}

export function outcomeWords(r: PullReport): Table {
  return {
    name: 'outcome-words',
    caption: 'What the outcomes mean',
    columns: [
      { key: 'outcome', label: 'Outcome', kind: 'head' },
      { key: 'lines', label: 'Lines', kind: 'number' },
      { key: 'meaning', label: 'Meaning' },
    ],
    rows: OUTCOME_NAMES.map((o) => [codeCell(o), numberCell(r.totals.counts[o]), { value: OUTCOMES[o].text }]),
    empty: '',
  };
}

export function timeline(r: PullReport): Table {
  return {
    name: 'timeline',
    caption: 'Timeline',
    columns: [
      { key: 'at', label: 'Time', kind: 'head' },
      { key: 'state', label: 'State' },
      { key: 'detail', label: 'Detail' },
    ],
    rows: r.events.map((e) => [timeCell(e.at, r.timeZone), pullStateCell(e.state), { value: e.detail }]),
    empty: 'Nothing has happened yet.',
  };
}
