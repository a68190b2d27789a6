// The lists of the staff pages: pulls, clocks, peers, what peers asked of us, and what was published.
export { type Alert, type ListedAlert, recentAlerts } from '../store/alert.ts';
export { type BulkFile, jobFiles } from '../store/answer/bulk-job.ts';
export { documentChecks } from '../store/report/document-check.ts';
export { BEHIND_SHOWS, type Behind, rowsBehind } from '../store/report/report-behind.ts';
export { askedLongAgo } from '../store/report/report-concurrent.ts';
export {
  type MatchDecision,
  pageDecisions,
} from '../store/report/report-matches.ts';
export {
  type After,
  CLOCK_STATES,
  type ClockFilter,
  type ClockLine,
  type Numbers,
  numbers,
  type PeerLine,
  PULL_SHOWS,
  type PullLine,
  pageClocks,
  pagePulls,
  peerLines,
} from '../store/report/report-pulls.ts';
export {
  countDecisions,
  type DecisionCount,
  fetchedFiles,
  findRequest,
  pageRequests,
  REQUEST_SHOWS,
  type RequestLine,
} from '../store/report/report-requests.ts';
