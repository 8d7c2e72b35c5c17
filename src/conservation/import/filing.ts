import type { Filing } from '../../store/types.ts';

export const MAX_MESSAGE = 256 * 1024 * 1024;

/** Day of arrival and direction as the sealed metadata have them. `otherwise`: a date for metadata without one. */
export function filingOf(document: string, message: string, otherwise: number): Filing {
  const arrived = Date.parse(/<DataAcquisizione>([^<]{1,40})</.exec(message)?.[1] ?? '');
  const sent = /<TipologiaDiFlusso>U</.test(document);
  return {
    flags: ['\\Seen'],
    internalDate: Number.isFinite(arrived) ? arrived : otherwise,
    origin: { direction: sent ? 'sent' : 'received', source: 'import' },
  };
}
