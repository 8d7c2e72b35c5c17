/** Setting of an account: since when its password is known, milliseconds since the epoch. */
export const PASSWORD_SINCE = 'passwordSince';

const DAY = 86_400_000;
/** Days before its end at which an expiring password is spoken of. */
const FORESEEN_DAYS = 10;

export interface PasswordExpiry {
  /** Milliseconds since the epoch; counted from the first login with this password, so it may come sooner. */
  readonly at: number;
  readonly near: boolean;
}

/** When a provider's password for mail programs ends; null where it does not, or it is not known since when it holds. */
export function passwordExpiry(since: number | null, days: number | undefined, now: number): PasswordExpiry | null {
  if (since === null || days === undefined) return null;
  const at = since + days * DAY;
  return { at, near: at - now < FORESEEN_DAYS * DAY };
}
