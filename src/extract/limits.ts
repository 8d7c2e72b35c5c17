/**
 * Every limit of text extraction, with its reason. What lies beyond one is left out and told with its path; the rest
 * is read. "Time" is processor time of the reading process, so that a busy machine reads as much as an idle one.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

export interface Limits {
  /** Documents inside documents: `atti.zip/ricorso.pdf.p7m/ricorso.pdf` is three deep; court filings go to five. */
  readonly depth: number;
  /** Documents of one message, attachments and members together; a zipped case file has some hundreds. */
  readonly documents: number;
  /** Entries of one ZIP whose names are looked at: a workbook of 500 sheets has some 2,000. */
  readonly entries: number;
  /**
   * Octets inflated for one message. PEC carries 100 MB a message; deflate makes up to 1,000 of one, so only an absolute
   * figure bounds a bomb, nested or flat.
   */
  readonly inflated: number;
  /** Octets of one document, and so of one buffer: the largest attachment that PEC carries. */
  readonly document: number;
  /** UTF-16 units of one XML, HTML, RTF or text file that are read; takes up to some 150 ms. */
  readonly markup: number;
  /** UTF-16 units of text of one message's attachments; a novel has one million, and the index grows by ten of it. */
  readonly text: number;
  /** Notes of one message on what was not read. */
  readonly notes: number;
  /** Pages of one PDF: beyond the longest filings; a page costs one to ten milliseconds. */
  readonly pages: number;
  /** Milliseconds after which no further page of a PDF is begun. */
  readonly pdfMs: number;
  /** Milliseconds after which no further document of a message is begun. */
  readonly messageMs: number;
  /** Certificates of one signature that are looked at; a deed signed by a whole board has a few dozen. */
  readonly certificates: number;
}

export const LIMITS: Limits = {
  depth: 8,
  documents: 1000,
  entries: 20_000,
  inflated: 100 * MIB,
  document: 100 * MIB,
  markup: 16 * MIB,
  text: 4 * MIB,
  notes: 200,
  pages: 2000,
  pdfMs: 10_000,
  messageMs: 60_000,
  certificates: 64,
};

/** What holds a reading process in bounds from outside; needed when a reader no longer answers. */
export interface ProcessLimits {
  /** Reading processes. One reads some 500 messages with a small PDF a second; more would take from those that serve mail. */
  readonly processes: number;
  /** MiB of JavaScript heap. */
  readonly heapMiB: number;
  /**
   * MiB of the whole process, buffers included, which no option of V8 bounds: the largest message (256 MiB) beside a
   * document taken from it and its inflated contents.
   */
  readonly residentMiB: number;
  /** Milliseconds of processor time on one document until its process is killed; above `pdfMs`, which ends it mildly. */
  readonly stuckMs: number;
  /** The same by the clock, for a document that waits for something which never comes. */
  readonly waitMs: number;
  /** How often one message may cost a process until the rest of it is given up. */
  readonly restarts: number;
  /** Milliseconds without work after which a process ends. */
  readonly idleMs: number;
  /** Messages after which a process is replaced: what libraries hoard goes with it. */
  readonly messages: number;
}

export const PROCESS_LIMITS: ProcessLimits = {
  processes: 1,
  heapMiB: 512,
  residentMiB: 1024,
  stuckMs: 20_000,
  waitMs: 120_000,
  restarts: 3,
  idleMs: 60_000,
  messages: 1000,
};
