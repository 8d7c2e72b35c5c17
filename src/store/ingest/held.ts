import { messageById, messageHandle, messageId } from '../catalog/messages.ts';
import { place } from '../catalog/placing.ts';
import type { AccountContext } from '../database/context.ts';
import type { Filed, HeldMessage, View } from '../types.ts';

/** Gives messages whose octets are here already their places: all of them, or none. */
export function fileHeld(context: AccountContext, view: View, messages: readonly HeldMessage[]): Filed[] {
  return context.write(change =>
    messages.map(({ message, filing }): Filed => {
      const row = messageById(context, messageId(message));
      const given = filing.internalDate;
      const internalDate = given !== undefined && Number.isFinite(given) ? Math.trunc(given) : change.at;
      const placed = place(context, change, row, view, { flags: filing.flags, internalDate, origin: filing.origin });
      return {
        view: placed.view,
        uidValidity: placed.tree.uidvalidity,
        uid: placed.uid,
        message: messageHandle(row.id),
        sha256: Buffer.from(row.sha256).toString('hex'),
        duplicate: placed.duplicate,
      };
    }),
  );
}
