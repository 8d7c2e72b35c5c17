import { open, stat } from 'node:fs/promises';
import { type Found, filesBelow, readFileMessage } from './directory.ts';
import { readMbox } from './mbox.ts';
import type { Reading, Source } from './types.ts';
import { readZip } from './zip.ts';

/** What a path holds: an mbox, a ZIP, one message, or a directory with any of these. Rejects where it cannot be read. */
export async function openSources(path: string, reading: Reading): Promise<Source[]> {
  const about = await stat(path);
  if (!about.isDirectory()) {
    return [await openFile({ path, size: about.size, modified: about.mtimeMs, maildir: false }, reading)];
  }
  const loose: Found[] = [];
  const sources: Source[] = [];
  for (const found of await filesBelow(path)) {
    if (found.maildir || /\.eml$/i.test(found.path)) loose.push(found);
    else if (found.size > 0 && /^(mbox|zip)$/.test(await kindOf(found.path)))
      sources.push(await openFile(found, reading));
  }
  return loose.length === 0 ? sources : [directory(path, loose), ...sources];
}

function directory(path: string, files: readonly Found[]): Source {
  return {
    path,
    octets: files.reduce((sum, { size }) => sum + size, 0),
    async *messages(read) {
      for (const file of files) {
        yield readFileMessage(file);
        read(file.size);
      }
    },
  };
}

async function openFile(file: Found, { quoting }: Reading): Promise<Source> {
  const { path, size } = file;
  switch (await kindOf(path)) {
    case 'mbox':
      return { path, octets: size, messages: read => readMbox(path, quoting, read) };
    case 'zip':
      return { path, octets: size, messages: read => readZip(path, size, read) };
    case 'message':
      return directory(path, [file]);
  }
}

/** By the first octets; names say little. */
async function kindOf(path: string): Promise<'mbox' | 'zip' | 'message'> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(5), 0, 5, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    if (start === 'From ') return 'mbox';
    return /^PK(\x03\x04|\x05\x06)/.test(start) ? 'zip' : 'message';
  } finally {
    await file.close();
  }
}
