import { isCrowded, refusesPassword } from '../../store/accounts/login-answer.ts';
import type { Account } from '../../store/accounts/types.ts';
import { Refusal } from '../errors.ts';
import { configuredRoots, refused } from '../login.ts';
import { ViewNames } from '../names.ts';
import { quotaLimits, withinPlan } from '../quota/index.ts';
import type { Session } from '../session.ts';
import { RelaySession } from './relay.ts';
import { askHierarchy, chooseRoots } from './roots.ts';
import { markStartOfArchive } from './start-of-archive.ts';
import { type TaggedAnswer, UpstreamConnection } from './upstream.ts';

const DOWN =
  'Il server del gestore PEC non risponde: riprovare tra qualche minuto. La password non è stata verificata.';

/**
 * Logs in at the upstream with the client's own credentials; its answer is ours. On success the session has its
 * account, store, names and relay.
 */
export async function connectRelay(session: Session, account: Account, password: string): Promise<void> {
  if (account.upstream.kind !== 'remote') throw new Error('account without upstream');
  const remote = account.upstream.imap;
  const { guard, logger, onCrowded } = session.services;
  let upstream: UpstreamConnection | null = null;
  let answer: TaggedAnswer | null = null;
  const outcome = await guard.attempt(account.address, password, async () => {
    try {
      upstream = await UpstreamConnection.open(remote);
      answer = await upstream.logIn(account.login, password);
      if (answer.status === 'NO' && isCrowded(responseCode(answer), answer.text) && onCrowded !== undefined) {
        upstream.destroy();
        await onCrowded(account);
        upstream = await UpstreamConnection.open(remote);
        answer = await upstream.logIn(account.login, password);
      }
    } catch (error) {
      logger.warn({ session: session.id, account: account.address, err: error }, 'upstream login not possible');
      return 'unavailable';
    }
    if (answer.status === 'OK') return 'accepted';
    upstream.destroy();
    return answer.status === 'NO' && refusesPassword(responseCode(answer), answer.text) ? 'refused' : 'unavailable';
  });
  if (outcome === 'refused') {
    logger.info({ session: session.id, account: account.address }, 'login refused');
    throw await refused();
  }
  if (outcome === 'unavailable' || upstream === null) {
    const code = answer === null ? null : responseCode(answer);
    throw new Refusal(code !== null && !refusesPassword(code, '') ? code : 'UNAVAILABLE', DOWN);
  }
  await takeOver(session, account, password, upstream);
}

async function takeOver(
  session: Session,
  account: Account,
  password: string,
  upstream: UpstreamConnection,
): Promise<void> {
  try {
    const store = await session.services.directory.store(account);
    const hierarchy = await askHierarchy(upstream);
    const configured = configuredRoots(session);
    const folders = configured === null ? null : await chooseRoots(upstream, store, hierarchy, configured);
    const { archive } = session.services.config;
    if (archive.enabled && archive.auto.incoming) await markStartOfArchive(upstream, store);
    session.account = account;
    session.store = withinPlan(store, quotaLimits(session.services.config, account));
    session.names = new ViewNames({ ...hierarchy, roots: folders?.roots ?? null, local: false });
    session.relay = new RelaySession(session, upstream, { account, password }, folders?.hasArchive ?? false);
  } catch (error) {
    upstream.destroy();
    throw error;
  }
}

function responseCode(answer: TaggedAnswer): string | null {
  return /^\[([A-Z-]+)/i.exec(answer.text)?.[1]?.toUpperCase() ?? null;
}
