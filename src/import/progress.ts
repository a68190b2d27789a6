// How an import goes on: a bar on a terminal, otherwise a plain line every few seconds, and a summary at its end.
import cliProgress from 'cli-progress';
import type { Progress } from './entry.ts';

export type ProgressReporter = {
  update(progress: Progress): void;
  /** Ends the bar and prints a summary: resources, bytes, seconds and rate, then `more` a line each. */
  end(more?: readonly string[]): void;
};

export type ProgressOutput = {
  /** default: the process's stderr, so that stdout stays free for results */
  stream?: NodeJS.WriteStream | { isTTY?: boolean; write(text: string): unknown };
  /** milliseconds of a monotonic clock */
  now?: () => number;
  /** what is counted are entries only: `bytesRead` and `bytesTotal` hold numbers of them */
  countsOnly?: boolean;
};

const EVERY_MS = 5_000;
const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

function duration(seconds: number): string {
  const s = Math.round(seconds);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}

/** Entries a second and the time left, from the bytes that are still to be read. */
function pace(progress: Progress, ms: number): { rate: string; left: string } {
  const rate = ms > 0 ? (progress.entries * 1000) / ms : 0;
  const perByte = progress.bytesRead > 0 ? ms / progress.bytesRead : 0;
  const left = ((progress.bytesTotal - progress.bytesRead) * perByte) / 1000;
  return { rate: `${number.format(rate)}/s`, left: duration(left) };
}

/** @param label what is going on, such as `import` */
export function progressReporter(label: string, output: ProgressOutput = {}): ProgressReporter {
  const stream = output.stream ?? process.stderr;
  const now = output.now ?? (() => performance.now());
  const start = now();
  let last: Progress = { bytesRead: 0, bytesTotal: 0, entries: 0 };
  const bar =
    'isTTY' in stream && stream.isTTY === true && 'cursorTo' in stream ? terminalBar(label, stream) : undefined;
  let printed = start;
  return {
    update(progress) {
      last = progress;
      const at = now();
      const { rate, left } = pace(progress, at - start);
      if (bar) {
        bar.show(progress, rate, left);
        return;
      }
      if (at - printed < EVERY_MS) return;
      printed = at;
      const share = progress.bytesTotal > 0 ? Math.floor((progress.bytesRead * 100) / progress.bytesTotal) : 100;
      stream.write(`${label}: ${share}% · ${number.format(progress.entries)} entries · ${rate} · ${left} left\n`);
    },
    end(more = []) {
      bar?.stop();
      const ms = now() - start;
      const { rate } = pace(last, ms);
      const bytes = output.countsOnly === true ? '' : `, ${megabytes(last.bytesRead)}`;
      const summary = `${number.format(last.entries)} entries${bytes} in ${duration(ms / 1000)}, ${rate}`;
      for (const line of [`${label}: ${summary}`, ...more]) stream.write(`${line}\n`);
    },
  };
}

function terminalBar(label: string, stream: NodeJS.WriteStream) {
  const bar = new cliProgress.SingleBar({
    stream,
    format: `${label} {bar} {percentage}% · {entries} entries · {rate} · {left} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    fps: 5,
  });
  let started = false;
  return {
    show(progress: Progress, rate: string, left: string) {
      const payload = { entries: number.format(progress.entries), rate, left };
      if (!started) bar.start(progress.bytesTotal, progress.bytesRead, payload);
      else bar.update(progress.bytesRead, payload);
      started = true;
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
