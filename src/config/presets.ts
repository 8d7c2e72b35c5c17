import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseConfigDocument } from './document.ts';
import { ConfigError } from './error.ts';
import { explainIssues } from './explain.ts';
import {
  type Preset,
  presetsSchema,
  type RemoteConfig,
  remoteSchema,
  submissionSchema,
  type Upstream,
  type UpstreamConfig,
} from './schema.ts';
import { didYouMean } from './suggest.ts';

const PROVIDERS_FILE = fileURLToPath(new URL('../../config/providers.yaml', import.meta.url));

/** The providers that come with Archivia, by key. */
export async function loadPresets(file = PROVIDERS_FILE): Promise<ReadonlyMap<string, Preset>> {
  const document = parseConfigDocument(file, await readFile(file, 'utf8'));
  const parsed = presetsSchema.safeParse(document.value);
  if (!parsed.success) throw new ConfigError(file, explainIssues(document, presetsSchema, parsed.error.issues));
  return new Map(Object.entries(parsed.data));
}

export type Resolution =
  | { readonly upstream: Upstream }
  | { readonly fault: { readonly path: readonly string[]; readonly message: string } };

/** Applies an upstream's preset; fields that the configuration gives win, one by one. */
export function resolveUpstream(name: string, given: UpstreamConfig, presets: ReadonlyMap<string, Preset>): Resolution {
  if ('local' in given) return { upstream: { kind: 'local' } };
  const preset = given.preset === undefined ? undefined : presets.get(given.preset);
  if (given.preset !== undefined && preset === undefined) {
    const known = [...presets.keys()];
    const message = `unknown preset "${given.preset}"${didYouMean(given.preset, known)} (known: ${known.join(', ')})`;
    return { fault: { path: ['preset'], message } };
  }
  const imap = mergeRemote(preset?.imap, given.imap);
  const smtp = mergeRemote(preset?.smtp, given.smtp);
  if (imap === null)
    return { fault: { path: ['imap'], message: 'missing; expected host and port of the IMAP server' } };
  if ('missing' in imap) return { fault: { path: ['imap', imap.missing], message: 'missing' } };
  if (smtp !== null && 'missing' in smtp) return { fault: { path: ['smtp', smtp.missing], message: 'missing' } };
  return {
    upstream: {
      kind: 'remote',
      name,
      imap,
      smtp,
      sentFolder: given.sentFolder ?? preset?.sentFolder ?? null,
      maxConnections: given.maxConnections ?? preset?.maxConnections,
      passwordDays: given.passwordDays ?? preset?.passwordDays,
      submission: submissionSchema.parse({ ...preset?.submission, ...given.submission }),
    },
  };
}

function mergeRemote(
  preset: RemoteConfig | undefined,
  given: Partial<RemoteConfig> | undefined,
): RemoteConfig | { readonly missing: string } | null {
  if (preset === undefined && given === undefined) return null;
  const parsed = remoteSchema.safeParse({ ...preset, ...given });
  return parsed.success ? parsed.data : { missing: String(parsed.error.issues[0]?.path[0] ?? 'host') };
}
