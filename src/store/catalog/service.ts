/** What the end of an account's service term changes: its views become read-only. */
import type { AccountContext } from '../database/context.ts';
import { journal } from '../journal/journal.ts';
import { isServed, type ServiceTerm } from '../service-term.ts';
import { StoreError, type View } from '../types.ts';
import { setting } from './settings.ts';

const SETTING = 'service.term';

export function serviceTerm(context: AccountContext): ServiceTerm | null {
  const text = setting(context, SETTING);
  return text === null ? null : JSON.parse(text);
}

/** The term and the act that gave it, which the journal tells. */
export function setServiceTerm(context: AccountContext, term: ServiceTerm | null, act: string, actor: string): void {
  context.write(() => {
    context
      .sql('INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
      .run(SETTING, JSON.stringify(term));
    journal(context, act, actor, { term });
  });
}

/** Whether the view's messages stay as they are: the term has ended, or has not begun. */
export function isFrozen(context: AccountContext, view: View): boolean {
  return view.tree !== 'local' && !isServed(serviceTerm(context), Date.now());
}

/** Rejects NOPERM where `isFrozen`. */
export function checkServed(context: AccountContext, view: View): void {
  if (!isFrozen(context, view)) return;
  const ended = (serviceTerm(context)?.start ?? 0) <= Date.now();
  throw new StoreError(
    'NOPERM',
    ended
      ? 'Il servizio di archiviazione è terminato: i messaggi si possono leggere, cercare e copiare altrove; per il resto occorre il rinnovo'
      : 'Il servizio di archiviazione non è ancora iniziato',
  );
}
