import { CliError, WRONG_USE } from './command.ts';

/** The beginning of a day `2026-11-03` in UTC, milliseconds since the epoch; null when none was given. */
export function parseDay(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new CliError(WRONG_USE, `--${option} wants a day such as 2026-11-03, not "${text}"`);
  return at;
}
