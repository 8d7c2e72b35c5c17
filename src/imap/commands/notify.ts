import { type NotifyRequest, parseNotify, SILENCE, Watch } from '../notify/index.ts';
import type { Session } from '../session.ts';
import type { PlainCommand } from './types.ts';

/** RFC 5465. */
export const notify: PlainCommand = {
  name: 'NOTIFY',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    await setNotifications(session, parseNotify(parser), () => {});
    return { text: 'Notify completed.' };
  },
};

/** Nothing is told any more, as after NOTIFY NONE (RFC 5465 section 5.8). */
export const NOTIFICATIONS_OVERFLOWN = '* OK [NOTIFICATIONOVERFLOW] Troppe notifiche: sono sospese.';

/**
 * Replaces what the client is told unasked; writes the STATUS responses that it asks for.
 * @param overflown told when the notifications have ended because they are too many
 */
export async function setNotifications(session: Session, request: NotifyRequest, overflown: () => void): Promise<void> {
  const next =
    request.groups.length === 0
      ? SILENCE
      : await Watch.start(session, request, () => {
          session.notify = SILENCE;
          session.writer.line(NOTIFICATIONS_OVERFLOWN);
          overflown();
        });
  session.notify?.stop();
  session.notify = next;
}
