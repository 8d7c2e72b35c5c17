/** Stamps lose their value when the certificate of their TSA expires or an algorithm weakens: renewed before that. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { AccountStore, MessageRecord } from '../../store/types.ts';
import { writeWhole } from '../evidence/files.ts';
import { type DigestName, HashTree, type ReducedPath } from '../evidence/hash-tree.ts';
import { encodeRenewal, type Renewal, renewalName } from '../evidence/renewal.ts';
import { supply } from '../threads/supply.ts';
import type { Workshop } from '../workshop.ts';
import { type RenewalStatus, renewalStatus } from './status.ts';

/** Packages under one stamp of renewal. */
const MAX_PACKAGES = 5000;
/** What a hash-tree renewal goes over to. */
const STRONGER: DigestName = 'sha512';

export interface RenewalOptions {
  /** Every package, due or not. */
  readonly all?: boolean;
  /** Hash everything anew with a stronger algorithm. */
  readonly hashTree?: boolean;
}

export interface RenewalOutcome {
  readonly packageId: string;
  readonly kind: Renewal['kind'];
  readonly file: string;
}

interface Candidate {
  readonly status: RenewalStatus;
  /** What the new stamp covers of this package. */
  readonly value: Buffer;
  readonly leaves: readonly string[];
}

/**
 * Renews the stamps of an account that are due. Many packages share one stamp. Rejects when there is no stamp to be had
 * or a package is damaged; what has been renewed until then stays, and the rest is due as before.
 */
export async function renewPackages(
  shop: Workshop,
  account: AccountStore,
  options: RenewalOptions = {},
): Promise<RenewalOutcome[]> {
  const statuses = await renewalStatus(shop.pool, account, shop.now());
  const wanted = statuses.filter(status => status.fault === null && (status.due !== null || options.all === true));
  const outcomes: RenewalOutcome[] = [];
  const trees = wanted.filter(({ due }) => options.hashTree === true || due === 'algorithm');
  const stamps = wanted.filter(status => !trees.includes(status));
  for (const digest of ['sha256', 'sha384', 'sha512'] as const) {
    const candidates = stamps
      .filter(status => status.digest === digest)
      .map(status => ({
        status,
        value: createHash(digest).update(status.token).digest(),
        leaves: [],
      }));
    outcomes.push(...(await stampTogether(shop, account, 'timestamp', digest, candidates)));
  }
  const rehashed: Candidate[] = [];
  for (const status of trees) {
    shop.signal.throwIfAborted();
    const leaves = await hashPackageAnew(shop, account, status);
    rehashed.push({ status, value: new HashTree(leaves.map(fromHex), STRONGER).root, leaves });
  }
  outcomes.push(...(await stampTogether(shop, account, 'tree', STRONGER, rehashed)));
  return outcomes;
}

async function stampTogether(
  shop: Workshop,
  account: AccountStore,
  kind: Renewal['kind'],
  digest: DigestName,
  candidates: readonly Candidate[],
): Promise<RenewalOutcome[]> {
  const outcomes: RenewalOutcome[] = [];
  for (let start = 0; start < candidates.length; start += MAX_PACKAGES) {
    shop.signal.throwIfAborted();
    const group = candidates.slice(start, start + MAX_PACKAGES);
    const tree = new HashTree(
      group.map(({ value }) => value),
      digest,
    );
    const { token, certificates } = await shop.timestamps.stamp(tree.root);
    for (const candidate of group) {
      const renewal: Renewal = {
        version: 1,
        kind,
        digest,
        at: shop.now(),
        path: hexPath(tree.path(candidate.value) ?? []),
        leaves: [...candidate.leaves],
        token: Buffer.from(token).toString('base64'),
        certificates: certificates.map(der => Buffer.from(der).toString('base64')),
      };
      outcomes.push(await writeRenewal(account, candidate.status, renewal));
      await shop.step('renewed');
    }
    shop.logger.info({ account: account.address, packages: group.length, kind, digest }, 'time stamps renewed');
  }
  return outcomes;
}

async function writeRenewal(account: AccountStore, status: RenewalStatus, renewal: Renewal): Promise<RenewalOutcome> {
  const { packageId } = status;
  const file = renewalName(status.renewals + 1);
  const bytes = encodeRenewal(renewal);
  await writeWhole(join(account.directory, 'evidence', packageId), file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await account.appendJournal('renewed', 'conservation', { package: packageId, kind: renewal.kind, file, sha256 });
  return { packageId, kind: renewal.kind, file };
}

async function hashPackageAnew(shop: Workshop, account: AccountStore, status: RenewalStatus): Promise<string[]> {
  const records: MessageRecord[] = [];
  for (const message of status.messages) records.push(await account.record(message));
  const { port1: here, port2: port } = new MessageChannel();
  try {
    const failure = supply(account, records, here);
    const messages = records.map(({ sha256, size }) => ({ sha256, size }));
    const task = { directory: status.directory, digest: STRONGER, messages, port };
    return await shop.pool.run('hashAnew', task, { transfer: [port] }).catch(error => {
      throw failure() ?? error;
    });
  } finally {
    here.close();
  }
}

function hexPath(path: ReducedPath): string[][] {
  return path.map(list => list.map(hash => hash.toString('hex')));
}

function fromHex(hash: string): Buffer {
  return Buffer.from(hash, 'hex');
}
