// What the pages show of the audit trail: the runs of its verification.
export { type AuditCheck, auditChecks } from './audit-check.ts';
