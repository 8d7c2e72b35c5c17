import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { checkConfig } from './checks.ts';
import { parseConfigDocument } from './document.ts';
import { ConfigError, type ConfigIssue, formatKey } from './error.ts';
import { explainIssues } from './explain.ts';
import { loadPresets, resolveUpstream } from './presets.ts';
import { type Config, configSchema, type Upstream } from './schema.ts';

/** A configuration that was checked: every path absolute, every upstream with its preset applied. */
export interface LoadedConfig {
  readonly file: string;
  readonly config: Config;
  /** By their names in `upstreams`. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/**
 * Reads, checks and resolves a configuration file. Throws a ConfigError that lists every fault with its line, its key
 * and what would be accepted.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const path = resolve(file);
  const document = parseConfigDocument(file, await readText(file, path));
  if (document.value === null || document.value === undefined) {
    throw new ConfigError(file, [{ line: null, key: '', message: 'is empty; at least imap.listen is needed' }]);
  }
  const parsed = configSchema.safeParse(document.value);
  if (!parsed.success) throw new ConfigError(file, explainIssues(document, configSchema, parsed.error.issues));

  const config = withAbsolutePaths(parsed.data, dirname(path));
  const issues: ConfigIssue[] = [];
  const report = (key: readonly PropertyKey[], message: string): void => {
    issues.push({ line: document.lineOf(key), key: formatKey(key), message });
  };
  const presets = await loadPresets();
  const upstreams = new Map<string, Upstream>();
  for (const [name, given] of Object.entries(config.upstreams)) {
    const resolution = resolveUpstream(name, given, presets);
    if ('upstream' in resolution) upstreams.set(name, resolution.upstream);
    else report(['upstreams', name, ...resolution.fault.path], resolution.fault.message);
  }
  await checkConfig(config, upstreams, presets, report);
  if (issues.length > 0) throw new ConfigError(file, issues);
  return { file: path, config, upstreams };
}

async function readText(file: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const message =
      code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a directory' : `cannot be read (${code})`;
    throw new ConfigError(file, [{ line: null, key: '', message }]);
  }
}

/** Paths stand in `dataDir` and in keys that end in `File`; they are relative to the configuration file's directory. */
function withAbsolutePaths<T>(value: T, base: string): T {
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, inner]) => [
        key,
        typeof inner === 'string' && isPathKey(key) ? resolve(base, inner) : walk(inner),
      ]),
    );
  };
  return walk(value) as T;
}

function isPathKey(key: string): boolean {
  return key === 'dataDir' || key.endsWith('File');
}
