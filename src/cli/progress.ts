import type { Io } from './command.ts';

const WIDTH = 30;
const EVERY_MS = 200;

/** A bar on a terminal's stderr, with the time that is left. */
export interface ProgressBar {
  show(done: number, total: number, text: string): void;
  end(): void;
}

/** @param visible false: nothing is ever written */
export function progressBar(io: Io, visible: boolean): ProgressBar {
  const start = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    show: (done, total, text) => {
      const now = performance.now();
      if (!visible || now - last < EVERY_MS) return;
      last = now;
      shown = true;
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const left = share === 0 ? '' : `, ${duration(((now - start) / share) * (1 - share))} left`;
      const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.');
      io.err(`\r[${bar}] ${Math.floor(share * 100)} %  ${text}${left}\u001b[K`);
    },
    end: () => {
      if (shown) io.err('\r\u001b[K');
    },
  };
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
