import { createHash } from 'node:crypto';
import type { SignatureOutcome } from '../../pec/types.ts';
import type { Markup } from '../markup.ts';
import { type DocumentFacts, documentMetadata } from './document.ts';
import { pecMessageMetadata } from './pec-message.ts';

/** A file of metadata that the index refers to by its hash. */
export interface MetadataFile {
  /** Path in the package. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly sha256: string;
}

export interface MessageMetadata {
  /** Allegato 5. */
  readonly document: MetadataFile;
  /** PEC data and the outcome of the check of the signature. */
  readonly message: MetadataFile;
}

export interface MetadataFacts extends DocumentFacts {
  readonly signature: Omit<SignatureOutcome, 'certificates'>;
  readonly checkedAt: number;
}

export function metadataPaths(sha256: string): { readonly document: string; readonly message: string } {
  return { document: `metadati/${sha256}.documento.xml`, message: `metadati/${sha256}.messaggio.xml` };
}

/**
 * The metadata of one message, as files of their own: the index that all messages of a package share holds their hashes
 * alone, so that whoever is shown one message learns nothing of the others.
 */
export function messageMetadata(facts: MetadataFacts): MessageMetadata {
  const { record, signature, checkedAt } = facts;
  const paths = metadataPaths(record.sha256);
  return {
    document: file(paths.document, documentMetadata(facts)),
    message: file(paths.message, pecMessageMetadata(record, signature, checkedAt)),
  };
}

function file(path: string, { xml }: Markup): MetadataFile {
  // Own buffer: it is transferred between threads.
  const bytes = new Uint8Array(Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`));
  return { path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
