import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ProcessLimits } from './limits.ts';
import { type Answer, STUCK, type Task } from './protocol.ts';

const PROGRAM = fileURLToPath(new URL('./extract.worker.ts', import.meta.url));

/** How a task ended: read to its end, or the process with it, and why. */
export type End = { readonly done: true } | { readonly done: false; readonly reason: string };

/** One reading process; it serves one message at a time. */
export class ReadingProcess {
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  #served = 0;
  #onAnswer: (answer: Answer) => void = () => {};
  #onEnd: (end: End | Error) => void = () => {};
  #idle: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(limits: ProcessLimits) {
    this.#child = fork(PROGRAM, [JSON.stringify(limits)], {
      execArgv: [
        '--permission',
        '--allow-fs-read=*',
        '--allow-worker',
        '--disallow-code-generation-from-strings',
        `--max-old-space-size=${limits.heapMiB}`,
        '--no-warnings',
      ],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', () => reject(new Error('the process that reads documents does not start')));
      this.#child.on('message', (answer: Answer) => {
        if (answer.kind === 'ready') resolve();
        else this.#answer(answer);
      });
    });
    // Told to whoever runs the first task.
    this.#ready.catch(() => {});
    this.#child.on('error', error => this.#onEnd(error));
    // Not at its exit: what it said last is still on the way then.
    this.#child.on('close', (_code, signal) => {
      this.#ended = true;
      this.#onEnd({ done: false, reason: reasonOf(signal) });
    });
    this.#giveWay();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get served(): number {
    return this.#served;
  }

  /** Reads. Rejects when the message cannot be had or no process can be started; every other fault is an end. */
  async run(task: Task, onAnswer: (answer: Answer) => void): Promise<End> {
    this.#wake();
    await this.#ready;
    this.#served++;
    return new Promise((resolve, reject) => {
      this.#onAnswer = onAnswer;
      this.#onEnd = end => {
        this.#onEnd = () => {};
        this.#onAnswer = () => {};
        if (end instanceof Error) reject(end);
        else resolve(end);
      };
      if (this.#ended) this.#onEnd({ done: false, reason: reasonOf(this.#child.signalCode) });
      else this.#child.send(task, error => error && this.#child.kill('SIGKILL'));
    });
  }

  /** Lets it wait for the next message, without keeping the server alive. */
  rest(milliseconds: number): void {
    this.#child.unref();
    this.#child.channel?.unref();
    this.#idle = setTimeout(() => void this.close(), milliseconds).unref();
  }

  /** Resolves when the process is gone. */
  async close(): Promise<void> {
    if (this.#ended || this.#child.pid === undefined) return;
    this.#wake();
    await new Promise<void>(resolve => {
      this.#child.once('close', () => resolve());
      this.#child.kill('SIGKILL');
    });
  }

  #wake(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    this.#child.ref();
    this.#child.channel?.ref();
  }

  #answer(answer: Answer): void {
    if (answer.kind === 'done') this.#onEnd({ done: true });
    else if (answer.kind === 'failed') this.#onEnd(new Error(answer.message));
    else this.#onAnswer(answer);
  }

  /** Connections come first. */
  #giveWay(): void {
    if (this.#child.pid === undefined) return;
    try {
      setPriority(this.#child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // Gone already, or not allowed: then as fast as the others.
    }
  }
}

/** Signals of the watchdog, and that with which V8 ends a process whose heap is full. */
function reasonOf(signal: NodeJS.Signals | null): string {
  if (signal === STUCK && signal !== 'SIGKILL') return 'took too long';
  const memory = signal === 'SIGKILL' || signal === 'SIGABRT' || signal === 'SIGTRAP' || signal === 'SIGILL';
  return memory ? 'needed too much memory' : 'the reader crashed';
}
