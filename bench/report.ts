import { cpus, totalmem } from 'node:os';

export interface Row {
  readonly what: string;
  /** With its unit. */
  readonly value: string;
  readonly note?: string;
}

export interface Scale {
  /** A tenth or less of everything, for a look. */
  readonly quick: boolean;
  /** Also what takes an hour. */
  readonly large: boolean;
  readonly runs: number;
}

export function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = processors[0]?.model.trim() || 'unknown processor';
  return `${processors.length} cores (${model}), ${memory} GiB, node ${process.version}, ${process.platform} ${process.arch}`;
}

export function printTable(title: string, rows: readonly Row[]): void {
  const width = Math.max(...rows.map(row => row.what.length));
  const values = Math.max(...rows.map(row => row.value.length));
  console.log(`\n${title}`);
  for (const { what, value, note = '' } of rows) {
    console.log(`  ${what.padEnd(width)}  ${value.padStart(values)}  ${note}`.trimEnd());
  }
}
