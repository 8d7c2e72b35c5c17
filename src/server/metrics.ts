/** What the server tells of itself at `/metrics`. Nothing here names a mailbox. */
import { readFile } from 'node:fs/promises';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { ArchiverState } from '../archiver/state.ts';
import type { Config } from '../config/schema.ts';
import type { LoginOutcome } from '../store/accounts/types.ts';
import type { Metric } from '../web/exposition.ts';
import { StartError } from './errors.ts';
import type { Sampling } from './sampling.ts';

/** Null where none is configured. Rejects with a StartError for an empty one, which everybody would have. */
export async function readMetricsToken({ metrics }: NonNullable<Config['web']>): Promise<string | null> {
  if (metrics === undefined) return null;
  const token = (await readFile(metrics.tokenFile, 'utf8')).trim();
  if (!/^\S{8,}$/.test(token)) {
    throw new StartError(`web.metrics.tokenFile: ${metrics.tokenFile} holds no token of 8 characters or more`);
  }
  return token;
}

type Protocol = 'imap' | 'smtp';

interface MetricsSources {
  readonly sampling: Sampling;
  /** Milliseconds after which an archiver that has looked at nothing is silent. */
  readonly silentMs: number;
  archiverStates(): readonly ArchiverState[];
  /** Accounts whose notices do not go out. */
  failingNotices(): readonly string[];
}

const OUTCOMES: readonly LoginOutcome[] = ['accepted', 'refused', 'unavailable'];
const STATUSES: readonly ArchiverState['status'][] = [
  'off',
  'no-password',
  'refused',
  'connecting',
  'connected',
  'away',
  'interrupted',
];
/** Milliseconds between two looks at the clock. */
const RESOLUTION = 20;
const NANOSECONDS = 1e9;

export class ServerMetrics {
  readonly #startedAt = Date.now();
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  readonly #listeners: { readonly protocol: Protocol; readonly listener: { readonly sessions: number } }[] = [];
  readonly #logins = new Map<string, number>();
  #archived = 0;

  constructor() {
    this.#delay.enable();
  }

  listener(protocol: Protocol, listener: { readonly sessions: number }): void {
    this.#listeners.push({ protocol, listener });
  }

  login(protocol: Protocol, outcome: LoginOutcome): void {
    const key = `${protocol} ${outcome}`;
    this.#logins.set(key, (this.#logins.get(key) ?? 0) + 1);
  }

  archived(): void {
    this.#archived++;
  }

  close(): void {
    this.#delay.disable();
  }

  async collect(sources: MetricsSources): Promise<Metric[]> {
    return [...this.#service(), ...archivers(sources, this.#startedAt), ...(await stores(sources)), ...this.#process()];
  }

  #service(): Metric[] {
    const protocols = [...new Set(this.#listeners.map(({ protocol }) => protocol))];
    const sessions = (wanted: Protocol): number =>
      this.#listeners.reduce((sum, { protocol, listener }) => sum + (protocol === wanted ? listener.sessions : 0), 0);
    return [
      {
        name: 'archivia_sessions',
        type: 'gauge',
        help: 'Connections of clients that are open.',
        samples: protocols.map(protocol => ({ labels: { protocol }, value: sessions(protocol) })),
      },
      {
        name: 'archivia_logins_total',
        type: 'counter',
        help: 'Logins of clients to known mailboxes, by the answer.',
        samples: protocols.flatMap(protocol =>
          OUTCOMES.map(outcome => ({
            labels: { protocol, outcome },
            value: this.#logins.get(`${protocol} ${outcome}`) ?? 0,
          })),
        ),
      },
      single('archivia_archived_total', 'counter', 'Messages that the archiver and submission filed.', this.#archived),
    ];
  }

  #process(): Metric[] {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const { active } = performance.eventLoopUtilization();
    const delay = this.#delay;
    // The monitor waits for its own interval as well.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION / 1000);
    const samples =
      delay.count === 0
        ? []
        : [
            { labels: { quantile: '0.5' }, value: late(delay.percentile(50)) },
            { labels: { quantile: '0.99' }, value: late(delay.percentile(99)) },
            { labels: { quantile: '1' }, value: late(delay.max) },
          ];
    delay.reset();
    return [
      {
        name: 'archivia_event_loop_delay_seconds',
        type: 'gauge',
        help: 'How late the thread of the connections was, since the figures were last asked for.',
        samples,
      },
      single(
        'archivia_event_loop_active_seconds_total',
        'counter',
        'Time that this thread was at work.',
        active / 1000,
      ),
      single('process_resident_memory_bytes', 'gauge', 'Memory of the process.', rss),
      single('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use, of the main thread.', heapUsed),
      single('nodejs_heap_size_total_bytes', 'gauge', 'Heap, of the main thread.', heapTotal),
      single('nodejs_external_memory_bytes', 'gauge', 'Memory outside the heap, of the main thread.', external),
      single('process_cpu_seconds_total', 'counter', 'Time of the processor.', (user + system) / 1e6),
      single('process_start_time_seconds', 'gauge', 'When the process started.', performance.timeOrigin / 1000),
    ];
  }
}

function archivers({ archiverStates, failingNotices, silentMs }: MetricsSources, startedAt: number): Metric[] {
  const states = archiverStates();
  const silent = states.filter(
    ({ status, lastRoundAt }) =>
      status !== 'off' &&
      status !== 'no-password' &&
      status !== 'refused' &&
      (lastRoundAt ?? startedAt) < Date.now() - silentMs,
  );
  return [
    {
      name: 'archivia_archiver_accounts',
      type: 'gauge',
      help: 'Accounts by the state of their archiver; refused: stopped, since the provider refuses the password.',
      samples: STATUSES.map(status => ({
        labels: { status },
        value: states.filter(state => state.status === status).length,
      })),
    },
    single(
      'archivia_archiver_silent_accounts',
      'gauge',
      'Accounts whose archiver has looked at nothing for alerts.silentHours.',
      silent.length,
    ),
    single(
      'archivia_notices_failing_accounts',
      'gauge',
      'Accounts whose notices cannot be sent.',
      failingNotices().length,
    ),
  ];
}

async function stores({ sampling }: MetricsSources): Promise<Metric[]> {
  const sample = await sampling.latest();
  if (sample === null) return [];
  const { plans, waitingSince } = sample;
  const trees = ['archive', 'conservation', 'intake'] as const;
  const oldest = waitingSince === null ? 0 : Math.max(0, Date.now() - waitingSince) / 1000;
  return [
    single('archivia_accounts', 'gauge', 'Accounts with a store.', sample.accounts),
    single('archivia_accounts_unreadable', 'gauge', 'Accounts whose store cannot be read.', sample.unreadable),
    {
      name: 'archivia_messages',
      type: 'gauge',
      help: 'Messages of all accounts.',
      samples: trees.map(tree => ({ labels: { tree }, value: sample.messages[tree] })),
    },
    {
      name: 'archivia_messages_bytes',
      type: 'gauge',
      help: 'Sizes of these messages.',
      samples: trees.map(tree => ({ labels: { tree }, value: sample.octets[tree] })),
    },
    single('archivia_segments_bytes', 'gauge', 'What they take on disk.', sample.storedBytes),
    single('archivia_conservation_queue', 'gauge', 'Messages that wait for conservation.', sample.waiting),
    single('archivia_conservation_queue_oldest_seconds', 'gauge', 'How long the oldest of them has waited.', oldest),
    single('archivia_conserved', 'gauge', 'Messages that were conserved.', sample.conserved),
    {
      name: 'archivia_plan_used_bytes',
      type: 'gauge',
      help: 'What the accounts of a plan use.',
      samples: plans.map(({ plan, space, used }) => ({ labels: { plan, space }, value: used })),
    },
    {
      name: 'archivia_plan_limit_bytes',
      type: 'gauge',
      help: 'What the plan grants them.',
      samples: plans.map(({ plan, space, limit }) => ({ labels: { plan, space }, value: limit })),
    },
    {
      name: 'archivia_plan_accounts',
      type: 'gauge',
      help: 'Accounts of a plan by the threshold that they have reached, per cent.',
      samples: plans.flatMap(({ plan, space, accounts }) =>
        Object.entries(accounts).map(([threshold, value]) => ({ labels: { plan, space, threshold }, value })),
      ),
    },
  ];
}

function single(name: string, type: Metric['type'], help: string, value: number): Metric {
  return { name, type, help, samples: [{ value }] };
}
