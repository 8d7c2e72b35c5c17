import { destination, type Logger, pino } from 'pino';
import type { Config } from '../config/schema.ts';

/** JSON lines. What may hold a password is never written, wherever it is logged. */
export function createLogger(level: Config['log']['level'], stream: 'stdout' | 'stderr'): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: ['password', '*.password', 'pass', '*.pass', '*.*.pass'], censor: '***' },
    },
    // Written at once: the last lines before an end are the ones that matter.
    destination({ dest: stream === 'stdout' ? 1 : 2, sync: true }),
  );
}
