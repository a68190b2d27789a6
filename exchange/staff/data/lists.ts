// The lists of the staff pages: pulls, clocks, peers, what peers asked of us, and what was published.
export { type Alert, type ListedAlert, recentAlerts } from '../../alerts/alert.ts';
export { documentChecks } from '../../compliance/documents/document-check.ts';
export { BEHIND_SHOWS, type Behind, rowsBehind } from '../../compliance/report/drill-down-rows.ts';
export { askedLongAgo } from '../../requester/concurrent-rows.ts';
export { type BulkFile, jobFiles } from '../../responder/bulk-job.ts';
export {
  type MatchDecision,
  pageDecisions,
} from '../../responder/match/decision-rows.ts';
export {
  countDecisions,
  type DecisionCount,
  fetchedFiles,
  findRequest,
  pageRequests,
  REQUEST_SHOWS,
  type RequestLine,
} from '../../responder/request-rows.ts';
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
} from './list-rows.ts';
