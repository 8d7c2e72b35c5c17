import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { AccountStore, DistributionRequest, MessageRecord } from '../../store/types.ts';
import { EvidenceError, TooLargeError } from '../errors.ts';
import { fileNotice } from '../file-notice.ts';
import { noticeFrame } from '../report/notice.ts';
import { storeErrorCode } from '../store-error.ts';
import type { Workshop } from '../workshop.ts';
import { restOfExchange } from './exchange.ts';
import { withDistribution } from './index.ts';
import { failureNotice, packageNotice } from './message.ts';

/** Octets of a ZIP that still fits into a message; base64 adds a third. */
const MAX_ZIP = 150_000_000;
const MAX_MESSAGES = 1000;

/**
 * Makes the packages of distribution that were asked for, oldest first. Each may be repeated after a crash: the same
 * request gives the same message. Rejects when something other than the messages is at fault; the request stays.
 */
async function answerRequests(shop: Workshop, account: AccountStore): Promise<void> {
  for (const request of await account.distributionRequests()) {
    shop.signal.throwIfAborted();
    await answer(shop, account, request);
    await shop.step('distributed');
  }
}

async function answer(shop: Workshop, account: AccountStore, request: DistributionRequest): Promise<void> {
  const records: MessageRecord[] = [];
  let fault: unknown = null;
  try {
    for (const message of request.messages) records.push(await account.record(message));
    records.push(...(await receiptsOfSent(account, request, records)));
    await fileDistribution(shop, account, request, records);
  } catch (error) {
    if (!isAboutMessages(error)) throw error;
    fault = error;
  }
  if (fault !== null) {
    shop.logger.error({ account: account.address, err: fault }, 'a package of distribution cannot be made');
    const { start, end } = noticeFrame(failureNotice(account.address, request, records, inWords(fault)), null);
    await fileNotice(account, 'distribution', [Buffer.from(start + end)], request.requestedAt);
  }
  await shop.step('package filed');
  await account.distributionDone(request.id, {
    messages: records.map(({ sha256 }) => sha256),
    made: fault === null,
  });
}

/**
 * What was sent proves little without its receipts: they go along, unless what was asked for might then not fit. Only those
 * that were conserved when the package was asked for, so that a repeated attempt makes the same one.
 */
async function receiptsOfSent(
  account: AccountStore,
  { requestedAt }: DistributionRequest,
  asked: readonly MessageRecord[],
): Promise<MessageRecord[]> {
  const receipts = new Map<string, MessageRecord>();
  for (const { category, message } of asked) {
    if (category !== 'Inviati') continue;
    for (const part of await restOfExchange(account, message, requestedAt)) receipts.set(part.message, part);
  }
  for (const { message } of asked) receipts.delete(message);
  const found = [...receipts.values()];
  const octets = [...asked, ...found].reduce((sum, { size }) => sum + size, 0);
  return asked.length + found.length <= MAX_MESSAGES && octets <= MAX_ZIP / 2 ? found : [];
}

async function fileDistribution(
  shop: Workshop,
  account: AccountStore,
  request: DistributionRequest,
  records: readonly MessageRecord[],
): Promise<void> {
  const { address } = account;
  const messages = records.map(({ message }) => message);
  await withDistribution(shop.pool, account, messages, MAX_ZIP, async zip => {
    const path = join(zip, '..', 'messaggio.eml');
    await shop.pool.run('writePackageMessage', {
      ...packageNotice(address, request, records, shop.evaluation),
      zip,
      path,
    });
    await fileNotice(account, 'distribution', createReadStream(path), request.requestedAt);
  });
  shop.logger.info({ account: address, messages: records.length }, 'package of distribution made');
}

/** What another try would not change. */
function isAboutMessages(error: unknown): boolean {
  const code = storeErrorCode(error);
  if (code !== null) return code === 'CORRUPTION' || code === 'CANNOT' || code === 'NONEXISTENT' || code === 'TOOBIG';
  return error instanceof EvidenceError || error instanceof TooLargeError;
}

function inWords(error: unknown): string {
  if (error instanceof TooLargeError || storeErrorCode(error) === 'TOOBIG') {
    return (
      `Il pacchetto supererebbe ${MAX_ZIP / 1e6} MB, più di quanto stia in un messaggio: copiare meno messaggi alla ` +
      'volta, oppure chiedere all\'amministratore il comando "archivia dip", che non ha questo limite.'
    );
  }
  return (
    "Il messaggio o le sue prove non risultano come quando furono conservati. L'amministratore può vedere il motivo nel " +
    'registro del server ed eseguire il comando "archivia verify".'
  );
}

/** One account's requests: worked on one after the other, tried again after a while when something is in the way. */
export class RequestRunner {
  readonly #shop: Workshop;
  readonly #account: AccountStore;
  readonly #firstBackOff: number;
  #running: Promise<void> | null = null;
  #again = false;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(shop: Workshop, account: AccountStore, firstBackOff: number) {
    this.#shop = shop;
    this.#account = account;
    this.#firstBackOff = firstBackOff;
  }

  /** Starts to work, unless it is under way. */
  wake(): void {
    this.work().catch(() => {});
  }

  /** Resolves when every request is answered; rejects when one cannot be for now. */
  work(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await answerRequests(this.#shop, this.#account);
      }
      this.#failures = 0;
    } catch (error) {
      this.#retryLater(error);
      throw error;
    }
  }

  #retryLater(error: unknown): void {
    const { signal, logger } = this.#shop;
    if (signal.aborted) return;
    const wait = Math.min(600_000, this.#firstBackOff * 2 ** this.#failures++);
    logger.error({ account: this.#account.address, err: error, retryInMs: wait }, 'distribution: not finished');
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), wait);
    this.#timer.unref();
  }
}
