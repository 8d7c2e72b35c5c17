/** Text of attachments, for searching: office documents, PDF, archives, signed envelopes. Above mime and pki alone. */
export { extractDocument } from './document.ts';
export { createExtractor, type Extractor, type ExtractorOptions } from './pool.ts';
