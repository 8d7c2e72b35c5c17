import type { Logger } from 'pino';
import type { AccountStore, Filed } from '../store/types.ts';
import { KnownExtensions } from './extensions.ts';
import { Pace } from './pace.ts';
import { Sendings } from './sendings.ts';

/** What the submission ports of one server have in common. */
export interface SubmissionState {
  readonly sendings: Sendings;
  readonly pace: Pace;
  readonly extensions: KnownExtensions;
}

/** @param onArchived told of each sent message once it is archived and known to have been sent */
export function createSubmissionState(
  logger: Logger,
  onArchived?: (account: AccountStore, filed: Filed) => Promise<void>,
): SubmissionState {
  return { sendings: new Sendings(logger, onArchived), pace: new Pace(), extensions: new KnownExtensions() };
}
