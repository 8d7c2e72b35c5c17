/** What is known of a document before its octets are looked at. */
export interface Hint {
  /** File name; null when there is none. */
  readonly name: string | null;
  /** Media type, lower case, without parameters; empty when unknown. */
  readonly type: string;
}

/** Something that was not read. `path` goes inwards: `atti.zip/ricorso.pdf.p7m/ricorso.pdf`. */
export interface Unreadable {
  readonly path: string;
  /** English, short. */
  readonly reason: string;
}

export interface ExtractedText {
  /** Not folded; one line break between what stands apart. */
  readonly text: string;
  readonly unreadable: readonly Unreadable[];
}

/** The text of a message's attachments: what `extractSearchText` of src/mime does not read, and nothing of what it does. */
export interface MessageText {
  readonly text: string;
  readonly unreadable: readonly (Unreadable & { readonly section: string })[];
  /** Parts that were looked at: what src/mime noted of them ("no text is read from …") no longer stands. */
  readonly sections: readonly string[];
}
