import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { ConfigError } from './error.ts';

/** A YAML file with the line of each of its keys. */
export interface ConfigDocument {
  readonly file: string;
  readonly value: unknown;
  /** Line of the key or list item at `path`, or of the nearest level above it that exists. */
  lineOf(path: readonly PropertyKey[]): number | null;
}

/** Aliases may multiply a document; a configuration needs next to none. */
const MAX_ALIASES = 100;

/** Parses YAML 1.2 (core schema, unique keys). Throws a ConfigError that names the line. */
export function parseConfigDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw new ConfigError(
      file,
      faults.map(fault => ({ line: lines.linePos(fault.pos[0]).line, key: '', message: firstLine(fault.message) })),
    );
  }
  const lineAt = (offset: number | undefined): number | null =>
    offset === undefined ? null : lines.linePos(offset).line;

  return {
    file,
    value: toValue(file, () => document.toJS({ maxAliasCount: MAX_ALIASES })),
    lineOf(path) {
      for (let depth = path.length; depth > 0; depth--) {
        const above = document.getIn(path.slice(0, depth - 1), true);
        const key = path[depth - 1];
        if (isMap(above)) {
          const named = above.items
            .map(pair => pair.key)
            .find(node => isScalar(node) && String(node.value) === String(key));
          if (isScalar(named)) return lineAt(named.range?.[0]);
        }
        const node = document.getIn(path.slice(0, depth), true);
        if (isNode(node)) return lineAt(node.range?.[0]);
      }
      return null;
    },
  };
}

function toValue(file: string, read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    throw new ConfigError(file, [
      { line: null, key: '', message: error instanceof Error ? error.message : 'unreadable' },
    ]);
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
