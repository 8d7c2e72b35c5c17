import type { SubmissionRules } from '../config/schema.ts';
import { type HeaderReader, normalizeAddress } from './header.ts';
import type { Reply } from './reply.ts';
import { BCC, HEADER_TOO_LARGE, hiddenRecipient, wrongSender } from './texts.ts';

/**
 * The formal checks that a PEC provider makes on what is sent (technical rules annexed to the decree of 2 November
 * 2005, section 6.3.1): the sender of header and envelope is the mailbox, every recipient of the envelope stands in To
 * or Cc, no Bcc. Made here, they come with a text that says what to do.
 * @returns the refusal; null when the message may go
 */
export function checkHeader(
  header: HeaderReader,
  mailbox: string,
  recipients: readonly string[],
  { allowBcc = false, allowOtherSender = false }: Pick<SubmissionRules, 'allowBcc' | 'allowOtherSender'> = {},
): Reply | null {
  if (header.tooLarge) return HEADER_TOO_LARGE;
  const addresses = header.addresses();
  if (addresses === null) return HEADER_TOO_LARGE;
  if (addresses.bcc && !allowBcc) return BCC;
  const own = addresses.from.length === 1 && addresses.from[0] === normalizeAddress(mailbox);
  if (!own && !allowOtherSender) return wrongSender(mailbox);
  if (allowBcc) return null;
  const hidden = recipients.find(recipient => !addresses.visible.has(normalizeAddress(recipient)));
  return hidden === undefined ? null : hiddenRecipient(hidden);
}
