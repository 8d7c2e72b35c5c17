/** One thing wrong with a configuration file. */
export interface ConfigIssue {
  /** 1-based; null when the fault has no place in the file. */
  readonly line: number | null;
  /** `imap.listen[0].tls`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** A configuration that cannot be used: wrong use, exit code 2. The message has one line an issue. */
export class ConfigError extends Error {
  readonly exitCode = 2;
  readonly file: string;
  readonly issues: readonly ConfigIssue[];

  constructor(file: string, issues: readonly ConfigIssue[]) {
    const ordered = [...issues].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    super(ordered.map(issue => formatIssue(file, issue)).join('\n'));
    this.name = 'ConfigError';
    this.file = file;
    this.issues = ordered;
  }
}

function formatIssue(file: string, { line, key, message }: ConfigIssue): string {
  const place = line === null ? file : `${file}:${line}`;
  return key === '' ? `${place}: ${message}` : `${place}: ${key}: ${message}`;
}

/** `['imap', 'listen', 0, 'tls']` as `imap.listen[0].tls`. */
export function formatKey(path: readonly PropertyKey[]): string {
  let key = '';
  for (const step of path) {
    if (typeof step === 'number') key += `[${step}]`;
    else key += key === '' ? String(step) : `.${String(step)}`;
  }
  return key;
}
