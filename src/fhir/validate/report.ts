// What a pass over a resource carries along, and how it notes what is wrong.
import { ISSUES, type Issue, type IssueCode, issue } from './issue.ts';

export type Walk = {
  issues: Issue[];
  /** names and indexes from the resource down to the place that is looked at */
  path: (string | number)[];
  /** false: only errors are wanted */
  findings: boolean;
  /** ids of contained resources, when there are any */
  contained: ReadonlySet<string> | undefined;
  /** how many resources the current one is contained in */
  containment: number;
  errors: number;
  /** upper-case NUCC codes, when the operator loaded them */
  taxonomy: ReadonlySet<string> | undefined;
};

const MAX_OF_A_KIND = 100;

function pathText(path: readonly (string | number)[]): string {
  let out = '';
  for (const step of path) out += typeof step === 'number' ? `[${step}]` : out === '' ? step : `.${step}`;
  return out;
}

/** Notes an issue at the current place, or at `member` within it. At most 100 errors and 100 findings a resource. */
export function report(walk: Walk, code: IssueCode, message: string, member?: string): void {
  const isError = ISSUES[code].severity === 'error';
  if (!isError && !walk.findings) return;
  if ((isError ? walk.errors : walk.issues.length - walk.errors) >= MAX_OF_A_KIND) return;
  if (isError) walk.errors++;
  walk.issues.push(issue(code, pathText(member === undefined ? walk.path : [...walk.path, member]), message));
}
