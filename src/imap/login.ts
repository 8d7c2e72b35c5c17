import type { Account } from '../store/accounts/types.ts';
import { type AccountStore, StoreError } from '../store/types.ts';
import { Refusal } from './errors.ts';
import { ViewNames, type ViewRoots } from './names.ts';
import { quotaLimits, withinPlan } from './quota/index.ts';
import { connectRelay } from './relay/index.ts';
import type { Session } from './session.ts';

/**
 * Logs a client in. For a proxied account the upstream's own answer decides; a password that it refused a short time
 * ago is refused here, so that a device with an old password cannot lock the mailbox.
 */
export async function logIn(session: Session, login: string, password: string): Promise<void> {
  const { directory, guard, vault, logger, onLogin } = session.services;
  const account = login.includes('\0') || password.includes('\0') ? null : directory.resolve(login);
  if (account === null) throw await refused();
  if (account.upstream.kind === 'local') {
    const outcome = await guard.attempt(account.address, password, async () =>
      (await directory.checkLocalPassword(account, password)) ? 'accepted' : 'refused',
    );
    if (outcome !== 'accepted') throw await refused();
    await openLocal(session, account);
  } else {
    await connectRelay(session, account, password);
    await vault.remember(account.address, password);
  }
  logger.info({ session: session.id, account: account.address }, 'login');
  onLogin(account);
}

async function openLocal(session: Session, account: Account): Promise<void> {
  const store = await session.services.directory.store(account);
  await ensureInbox(store);
  session.account = account;
  session.store = withinPlan(store, quotaLimits(session.services.config, account));
  session.names = new ViewNames({
    delimiter: '/',
    prefix: '',
    roots: configuredRoots(session),
    local: true,
  });
}

/** INBOX is always there (RFC 3501 section 5.1). */
async function ensureInbox(store: AccountStore): Promise<void> {
  const listings = await store.listViews();
  if (listings.some(({ view }) => view.tree === 'local' && view.name === 'INBOX')) return;
  await store.createMailbox('INBOX').catch(error => {
    // Another session of the same account was faster.
    if (!(error instanceof StoreError && error.code === 'ALREADYEXISTS')) throw error;
  });
}

/** The trees' names as configured; null where the account shows none. */
export function configuredRoots(session: Session): ViewRoots | null {
  const { archive } = session.services.config;
  return archive.enabled ? archive.folders : null;
}

/** The same text and about the same time for an unknown name and for a wrong password. */
export async function refused(): Promise<Refusal> {
  await new Promise(resolve => setTimeout(resolve, 1_000 + Math.random() * 500));
  return new Refusal('AUTHENTICATIONFAILED', 'Nome utente o password non validi.');
}
