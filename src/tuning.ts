// Limits and intervals that no operator sets. The configuration contains them, so that tests can use small values.

export const TUNING = {
  /** Demo members of the sandbox. */
  sandboxSize: 24,
  /** First day on which the rule binds the plan. Members enrolled earlier must have been offered the choice by then. */
  complianceDate: '2027-01-01',

  /** Seconds after which another process continues the work of one that died. */
  leaseSeconds: 30,
  /** Members in one request to a peer. */
  pullBatch: 1000,
  /** Hours after which a pull fails if the peer has not finished it. */
  pullDeadlineHours: 24,
  /** Received records of a pull committed in one transaction; the records of one member always stay together. */
  commitBatchSize: 20_000,
  /** Free space in MB that downloads leave under BLOBS_DIR; with less, pulls wait. */
  diskReserveMb: 1024,

  /** Open exports and matches of one peer; more are answered 429. */
  exportOpenPerPeer: 20,
  /** MemberBundles in one bulk match request; more are answered 413. */
  matchMaxMembers: 10_000,
  /** Minimum response time of a rejected single match, in milliseconds; hides the reason for the rejection. */
  matchMinLatencyMs: 400,
  /** Minimum response time of a rejected client assertion, in milliseconds; prevents client enumeration by timing. */
  tokenMinLatencyMs: 400,
  /** Rejected token requests per minute, client and address; 0 is no limit. */
  tokenFailuresPerMinute: 10,
  /** Refused requests with a token per minute and peer; 0 is no limit. */
  accessRefusedPerMinute: 60,
  /** Sign-in requests of staff per minute and address; 0 is no limit. */
  staffSignInPerMinute: 60,
  /** Milliseconds for one statement that a payer waits for. */
  exchangeTimeoutMs: 10_000,

  /** Largest page of a directory search. */
  directoryCountMax: 500,
  /** Milliseconds for all statements of one search, and for each statement of other requests. */
  directoryTimeoutMs: 5000,
  /** Days after which the last verification of a directory entry is stale. */
  directoryStaleDays: 90,
  /** Answer `__explain=true` with the query plan outside the sandbox too. */
  directoryExplain: false,
  /** Directory requests that may wait for the database; more are answered 503. */
  directoryQueueMax: 2000,
  /** Hours that the files of a directory export stay. */
  directoryExportKeepHours: 24,
  /** Filtered directory exports that wait or run; more are answered 429. */
  directoryExportOpen: 4,
  /** Filtered directory exports with files; more are answered 429. */
  directoryExportSets: 20,
  /** Age in days at which the root snapshot of $bulk-publish is replaced. */
  publishRootDays: 7,
  /** Age in days at which a chain of $bulk-publish ends and a new one begins. */
  publishChainDays: 60,
  /** Days that published files stay after they are no longer listed. */
  publishGraceDays: 30,

  /** Days after which each type of another directory is read in full again. */
  harvestWholeDays: 30,
  /** Records read from one directory in one run. */
  harvestMaxRecords: 50_000_000,
  /** Greatest distance from its source of a record taken from another directory; 1 takes the peer's own records only. */
  federationHopLimit: 1,

  /** Quarantined records above which an alert is raised. */
  alertQuarantine: 1000,
  /** Multiple of the median day above which a day of a payer or of a user is unusual. */
  alertVolumeTimes: 5,
  /** Members a payer must request in a day before the day can be unusual. */
  alertVolumeMembers: 100,
  /** Records a payer must receive in a day before the day can be unusual. */
  alertVolumeRecords: 10_000,
  /** Members whose identifiers a user must view in a day before the day can be unusual. */
  alertMemberViews: 150,
};

export type Tuning = typeof TUNING;
