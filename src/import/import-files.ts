/**
 * Messages from files into the archive: streamed to disk, known ones passed over by their SHA-256, the others stored
 * side by side and filed in order. Interrupted at any point it is begun again from the start, at reading speed.
 */
import { createHash } from 'node:crypto';
import { isOfTheMessage } from '../archiver/copy-message.ts';
import { fileTogether } from '../archiver/file-together.ts';
import { type AccountStore, type HeldMessage, type Spool, StoreError, type View } from '../store/types.ts';
import { dateOfHead, HEAD } from './date.ts';
import { withNetworkLineEnds } from './line-ends.ts';
import type { ImportOptions } from './options.ts';
import { addFailure, type Imported, newImport } from './outcome.ts';
import type { Incoming, Reading, Source } from './types.ts';

/** Messages that are filed with one transaction, and octets after which no more are waited for. */
const RUN_MESSAGES = 64;
const RUN_OCTETS = 64 * 1024 * 1024;
/** On their way into the store at the same time. */
const CONCURRENT = 16;

/** Rejects when the archive as a whole fails; what failed of single messages is in the outcome. */
export async function importFiles(
  account: AccountStore,
  sources: readonly Source[],
  options: ImportOptions & Reading,
): Promise<Imported> {
  const total = sources.reduce((sum, { octets }) => sum + octets, 0);
  const work = new FileImport(account, options, total);
  for (const source of sources) {
    try {
      for await (const incoming of source.messages(octets => work.read(octets))) await work.take(incoming);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      // Half a file has been read: what there was of it counts.
      addFailure(work.outcome, source.path, error);
    }
  }
  await work.finish();
  return work.outcome;
}

interface Taken {
  readonly spool: Spool;
  readonly sha256: string;
  readonly date: number | null;
}

class FileImport {
  readonly outcome: Imported;
  readonly #account: AccountStore;
  readonly #options: ImportOptions & Pick<Reading, 'keepLineEnds'>;
  readonly #view: View;
  #run: { readonly place: string; readonly held: Promise<HeldMessage | Error> }[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #inRun = new Set<string>();
  #runOctets = 0;

  constructor(account: AccountStore, options: ImportOptions & Reading, total: number) {
    this.outcome = newImport(total);
    this.#account = account;
    this.#options = options;
    this.#view = options.conserve ? { tree: 'intake' } : { tree: 'archive' };
  }

  read(octets: number): void {
    this.outcome.done += octets;
    this.#options.progress(this.outcome);
  }

  async take(incoming: Incoming): Promise<void> {
    this.outcome.messages += 1;
    let taken: Taken;
    try {
      taken = await this.#spool(incoming);
    } catch (error) {
      if (error instanceof StoreError && !isOfTheMessage(error)) throw error;
      addFailure(this.outcome, incoming.place, error);
      return;
    }
    const { spool, sha256, date } = taken;
    const { since, before, conserve, dryRun } = this.#options;
    const size = spool.size;
    const outside = date !== null && ((since !== null && date < since) || (before !== null && date >= before));
    const known = outside || this.#inRun.has(sha256) ? null : await this.#account.findBySha256(sha256);
    if (size === 0 || outside) this.outcome.leftOut += 1;
    else if (known !== null || this.#inRun.has(sha256)) this.outcome.known += 1;
    else if (dryRun) this.outcome.imported += 1;
    if (known !== null && conserve && !dryRun) await this.#account.queue([known]);
    if (size === 0 || outside || known !== null || dryRun || this.#inRun.has(sha256)) {
      if (dryRun) this.#inRun.add(sha256);
      await spool.discard();
      return;
    }
    this.#inRun.add(sha256);
    this.#hold(incoming, spool, date);
    this.#runOctets += size;
    if (this.#run.length >= RUN_MESSAGES || this.#runOctets >= RUN_OCTETS) await this.finish();
    else if (this.#running.size >= CONCURRENT) await Promise.race(this.#running);
  }

  /** Files what has been taken so far. */
  async finish(): Promise<void> {
    const run = this.#run;
    this.#run = [];
    this.#runOctets = 0;
    const settled = await Promise.all(run.map(({ held }) => held));
    for (const one of settled) if (one instanceof Error && !isOfTheMessage(one)) throw one;
    const held: HeldMessage[] = [];
    const places: string[] = [];
    for (const [index, one] of settled.entries()) {
      const place = run[index]?.place ?? '';
      if (one instanceof Error) {
        addFailure(this.outcome, place, one);
        continue;
      }
      held.push(one);
      places.push(place);
    }
    for (const [index, filed] of (await fileTogether(this.#account, this.#view, held)).entries()) {
      if (filed instanceof Error) addFailure(this.outcome, places[index] ?? '', filed);
      else this.outcome.imported += 1;
    }
    if (!this.#options.dryRun) this.#inRun.clear();
    this.#options.progress(this.outcome);
  }

  async #spool(incoming: Incoming): Promise<Taken> {
    const spool = await this.#account.spool();
    try {
      const digest = createHash('sha256');
      const head: Buffer[] = [];
      let headLength = 0;
      const content = this.#options.keepLineEnds ? incoming.content : withNetworkLineEnds(incoming.content);
      for await (const chunk of content) {
        digest.update(chunk);
        if (headLength < HEAD) head.push(chunk.subarray(0, HEAD - headLength));
        headLength += chunk.length;
        await spool.write(chunk);
      }
      return { spool, sha256: digest.digest('hex'), date: dateOfHead(Buffer.concat(head)) ?? incoming.date };
    } catch (error) {
      await spool.discard().catch(() => {});
      throw error;
    }
  }

  #hold({ place, flags }: Incoming, spool: Spool, date: number | null): void {
    const filing = {
      flags,
      internalDate: date ?? undefined,
      origin: { direction: 'unknown', source: 'import' },
    } as const;
    const held = this.#account
      .hold(this.#view, spool, filing)
      .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    this.#run.push({ place, held });
    this.#running.add(held);
    void held.then(() => this.#running.delete(held));
  }
}
