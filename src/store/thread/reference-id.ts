/** What THREAD most often calls a message: its Message-ID as it is written, but for the brackets around it. */
export function withoutBrackets(messageId: string | null): string | null {
  return messageId === null ? null : messageId.slice(1, -1);
}
