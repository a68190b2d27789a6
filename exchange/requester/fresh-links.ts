// A manifest that is read again: files keep their place and get fresh addresses, what is new is taken, what is gone is reported.
// Pure.
import type { ManifestFile } from './client/manifest.ts';
import type { PullFile } from './pull-file.ts';

export type FreshLinks = {
  moved: { position: number; url: string }[];
  added: ManifestFile[];
  /** places of files that are no longer listed */
  vanished: number[];
};

/** An address without its query: signatures and expiry times stand there. */
const place = (url: string): string => {
  const u = new URL(url);
  return u.origin + u.pathname;
};
const likeness = (f: { kind: string; type: string }, count: number | null | undefined): string =>
  `${f.kind} ${f.type} ${count ?? ''}`;

/**
 * Each file by its whole address; then by the address without its query, where one file alone has it in both lists; then, in their order,
 * by what is said of them, those of the same place first.
 */
export function freshLinks(had: readonly PullFile[], now: readonly ManifestFile[]): FreshLinks {
  const moved: FreshLinks['moved'] = [];
  const rest = new Set(now);
  let unknown = [...had];
  const pair = (find: (file: PullFile) => ManifestFile | undefined): void => {
    unknown = unknown.filter((file) => {
      const found = find(file);
      if (found === undefined) return true;
      rest.delete(found);
      if (found.url !== file.url) moved.push({ position: file.position, url: found.url });
      return false;
    });
  };
  const byUrl = new Map(now.map((f) => [f.url, f]));
  pair((file) => byUrl.get(file.url));
  const mine = grouped(unknown, (f) => place(f.url));
  const theirs = grouped([...rest], (f) => place(f.url));
  pair((file) => {
    const at = place(file.url);
    return mine.get(at)?.length === 1 && theirs.get(at)?.length === 1 ? theirs.get(at)?.[0] : undefined;
  });
  for (const key of [(f: { url: string }) => place(f.url), () => '']) {
    const alike = grouped([...rest], (f) => `${key(f)} ${likeness(f, f.count)}`);
    pair((file) => alike.get(`${key(file)} ${likeness(file, file.declared)}`)?.shift());
  }
  return { moved, added: [...rest], vanished: unknown.map((f) => f.position) };
}

function grouped<T>(list: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const same = groups.get(key(one));
    if (same) same.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}
