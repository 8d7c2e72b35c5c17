/** The configuration or a key file makes conservation impossible. The message is English and names the config key. */
export class ConservationConfigError extends Error {
  override name = 'ConservationConfigError';
}

/** The time-stamping authority did not give a good stamp. Nothing is wrong with the messages: try again later. */
export class TimestampError extends Error {
  override name = 'TimestampError';
}

/** A package of distribution passes its limit. */
export class TooLargeError extends Error {
  override name = 'TooLargeError';
}

/** Evidence on disk is not what was sealed. */
export class EvidenceError extends Error {
  override name = 'EvidenceError';
}
