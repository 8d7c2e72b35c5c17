/** Codes of RFC 5530 that say something of the server or the account and nothing of the password. */
const NOT_THE_PASSWORD = new Set(['UNAVAILABLE', 'LIMIT', 'INUSE', 'CONTACTADMIN', 'SERVERBUG', 'PRIVACYREQUIRED']);
/** What servers say that give no code: Dovecot, Courier, Cyrus, Exchange and their like. */
const CROWDED =
  /maximum number of (?:\w+ )?connections|too many (?:\w+ ){0,3}(?:connections|sessions|logins)|connection limit/i;

/**
 * Whether a NO to a login says that name or password are wrong; every other refusal may pass by itself.
 * @param code of the answer, upper case; null when it has none
 */
export function refusesPassword(code: string | null, text: string): boolean {
  return !(code !== null && NOT_THE_PASSWORD.has(code)) && !CROWDED.test(text);
}

/** Whether the upstream has too many connections of this account already. */
export function isCrowded(code: string | null, text: string): boolean {
  return code === 'LIMIT' || code === 'INUSE' || CROWDED.test(text);
}
