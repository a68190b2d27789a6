// A manifest that is read again: files keep their place and get fresh addresses, what is new is taken, what is gone is told.
// Pure.
import type { ManifestFile } from '../client/manifest.ts';
import type { PullFile } from '../store/pull-file.ts';

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

export function freshLinks(had: readonly PullFile[], now: readonly ManifestFile[]): FreshLinks {
  const left = new Map(now.map((f) => [place(f.url), f]));
  const moved: FreshLinks['moved'] = [];
  let unknown: PullFile[] = [];
  for (const file of had) {
    const same = left.get(place(file.url));
    if (same === undefined) unknown.push(file);
    else {
      left.delete(place(file.url));
      if (same.url !== file.url) moved.push({ position: file.position, url: same.url });
    }
  }
  // files whose whole address is new: one that looks the same takes the place
  const rest = [...left.values()];
  unknown = unknown.filter((file) => {
    const at = rest.findIndex((f) => likeness(f, f.count) === likeness(file, file.declared));
    const [found] = at === -1 ? [] : rest.splice(at, 1);
    if (found === undefined) return true;
    moved.push({ position: file.position, url: found.url });
    return false;
  });
  return { moved, added: rest, vanished: unknown.map((f) => f.position) };
}
