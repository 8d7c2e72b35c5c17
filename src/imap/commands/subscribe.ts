import { lastArgument } from '../arguments.ts';
import { viewNamed } from '../mailbox.ts';
import { storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.3.6. */
export const subscribe = subscriptionCommand('SUBSCRIBE', true);
/** RFC 3501 section 6.3.7. */
export const unsubscribe = subscriptionCommand('UNSUBSCRIBE', false);

function subscriptionCommand(name: string, subscribed: boolean): PlainCommand {
  return {
    name,
    state: 'authenticated',
    mayExpunge: true,
    async run(session, parser) {
      const mailbox = lastArgument(parser);
      await storeOf(session).setSubscribed(viewNamed(session, mailbox), subscribed);
      return { text: `${subscribed ? 'Subscribe' : 'Unsubscribe'} completed.` };
    },
  };
}
