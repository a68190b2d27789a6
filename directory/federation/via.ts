// A crawl of ours that has come back to us: RFC 9110 7.6.3, RFC 5842 7.2.
import { nodeId } from './client.ts';

/** Is one of the hops of a `Via` header this node? Such a request is answered with 508. */
export function isOurCrawl(via: string | undefined, config: Parameters<typeof nodeId>[0]): boolean {
  if (via === undefined) return false;
  const us = nodeId(config);
  return via.split(',').some((hop) => hop.trim().split(/\s+/)[1] === us);
}

/** Paths of the merged view: the API and the pages about it, and the pages for people. */
export const isMergedPath = (path: string): boolean =>
  path.startsWith('/directory/all/') || path === '/all' || path.startsWith('/all/');

export const LOOP = { status: 508, text: 'this request began here' } as const;
