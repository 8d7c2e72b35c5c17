/** The configuration file's schema (DESIGN section 7). Sizes are octets once parsed; paths stay as written. */
import { z } from 'zod';

const port = z.int().min(0).max(65535);

/** `13GB`, `500MB`, `1048576`: decimal units, as providers sell them. */
const bytes = z
  .union([z.int().nonnegative(), z.string().regex(/^\d+(\.\d+)?\s*(B|KB|MB|GB|TB)?$/i, 'a size such as 500MB or 13GB')])
  .transform(value => {
    if (typeof value === 'number') return value;
    const [, amount = '0', unit = 'B'] = /^([\d.]+)\s*([A-Z]*)$/i.exec(value) ?? [];
    const power = ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit.toUpperCase() || 'B');
    return Math.round(Number(amount) * 1000 ** power);
  });

const address = z
  .string()
  .regex(/^[^\s@]+@[^\s@]+$/, 'an e-mail address')
  .transform(value => value.toLowerCase());

/** A server that Archivia connects to. `none` is for loopback addresses only. */
const remote = z.strictObject({
  host: z.string().min(1),
  port,
  tls: z.enum(['implicit', 'starttls', 'none']).default('implicit'),
  /** PEM of the authority to trust besides the system's. */
  caFile: z.string().optional(),
});

/** The same as written in an upstream: what is left out comes from the preset. */
const remoteFields = z.strictObject({
  host: remote.shape.host.optional(),
  port: port.optional(),
  tls: z.enum(['implicit', 'starttls', 'none']).optional(),
  caFile: z.string().optional(),
});

const listener = z.strictObject({
  host: z.string().default('0.0.0.0'),
  port,
  tls: z.enum(['implicit', 'starttls', 'none']),
});

/** PEC's own rules for what is sent; numbers differ by provider. 0 lifts a limit that a preset sets. */
const submission = z.strictObject({
  maxRecipients: z.int().positive().default(500),
  maxSize: bytes.default(100_000_000),
  /** Octets of the message times its recipients; absent: no limit. */
  maxSizeTimesRecipients: bytes.optional(),
  /** Messages that the provider takes in a minute; absent: no limit. */
  maxPerMinute: z.int().nonnegative().optional(),
  /** `queue`, also when absent: the client waits for its turn, up to a minute; `refuse`: it is told to try again. */
  whenTooFast: z.enum(['queue', 'refuse']).optional(),
  /** Blind copies are passed on, for a provider that admits them. */
  allowBcc: z.boolean().optional(),
  /** Sender addresses other than the mailbox are passed on. */
  allowOtherSender: z.boolean().optional(),
});
const submissionFields = submission.extend({ maxRecipients: z.int().positive().optional(), maxSize: bytes.optional() });

export { remote as remoteSchema, submission as submissionSchema };

const upstream = z.union([
  z.strictObject({ local: z.literal(true) }),
  z.strictObject({
    /** Key of config/providers.yaml; fields given here win over the preset's. */
    preset: z.string().optional(),
    imap: remoteFields.optional(),
    smtp: remoteFields.optional(),
    sentFolder: z.string().optional(),
    submission: submissionFields.optional(),
    maxConnections: z.int().positive().optional(),
    passwordDays: z.int().positive().optional(),
  }),
]);

/** One provider of config/providers.yaml. */
const preset = z.strictObject({
  name: z.string().min(1),
  status: z.enum(['verified', 'listed']),
  login: z.enum(['address', 'user-id']),
  imap: remote.optional(),
  smtp: remote.optional(),
  sentFolder: z.string().optional(),
  submission: submissionFields.optional(),
  /** IMAP connections that the provider grants one mailbox at a time. */
  maxConnections: z.int().positive().optional(),
  /** Days after which the password for mail programs ends by itself. */
  passwordDays: z.int().positive().optional(),
});
export const presetsSchema = z.record(z.string(), preset);

/**
 * What is removed from the provider's mailbox once our copy has been read again and compared with the provider's. Only
 * messages that were read and are not flagged.
 */
const upstreamSpace = z.strictObject({
  /** `archived`: lies in Archivio; `conserved`: is in a package of conservation. */
  after: z.enum(['archived', 'conserved']),
  /** Days that it has been so. */
  days: z.int().positive(),
  /** Messages a day and mailbox. */
  perDay: z.int().positive().max(10_000).default(500),
  /** Only log what would be removed. */
  dryRun: z.boolean().default(false),
});

const account = z.strictObject({
  address,
  /** User name at the provider, where it differs from the address. */
  login: z.string().optional(),
  upstream: z.string(),
  plan: z.string().optional(),
  /** Absent: what the plan says, or nothing is removed from the provider's mailbox. */
  upstreamSpace: upstreamSpace.optional(),
  /** Only for a `local` upstream: the mailbox's own password. */
  passwordFile: z.string().optional(),
});

/** UNI 11386:2020 AgentID, e.g. VATIT-01234567890 or TINIT-RSSMRA80A01H501U. */
const agentId = z
  .string()
  .regex(/^(PAS|IDC|PNO|TIN|VAT|NTR|[A-Za-z0-9]{2}:)[A-Z]{2}-[a-zA-Z0-9]+$/, 'an AgentID such as VATIT-01234567890');

const agent = z.strictObject({
  type: z.enum(['legal', 'natural']),
  /** Company name, or `Name Surname` of a person: the last word is the surname unless `surname` is given. */
  name: z.string().min(1),
  surname: z.string().optional(),
  id: agentId.optional(),
  /** Manual, contract or deed that gives the agent its part. */
  document: z.string().default('Manuale di conservazione'),
});

const timestampAuthority = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  username: z.string().optional(),
  passwordFile: z.string().optional(),
  /** PEM of the TSA's certificate chain, put into each package. */
  caFile: z.string().optional(),
  /** Policy that stamps are asked for and checked to be made under. */
  policy: z
    .string()
    .regex(/^[0-2](\.(0|[1-9]\d*))+$/, 'an object identifier such as 0.4.0.2023.1.1')
    .optional(),
  timeoutSeconds: z.int().positive().max(600).default(30),
});

export const configSchema = z.strictObject({
  dataDir: z.string().default('./data'),
  imap: z.strictObject({ listen: z.array(listener).min(1) }),
  smtp: z.strictObject({ listen: z.array(listener) }).optional(),
  /** Health, metrics, links of exports. */
  web: z
    .strictObject({
      listen: z.strictObject({
        host: z.string().default('0.0.0.0'),
        port,
        /** `none` is for loopback addresses only. */
        tls: z.enum(['implicit', 'none']).default('implicit'),
      }),
      publicUrl: z.url({ protocol: /^https?$/ }).optional(),
      /** `/metrics` for who brings the token (`Authorization: Bearer`); absent: for this machine only. */
      metrics: z.strictObject({ tokenFile: z.string() }).optional(),
    })
    .optional(),
  /** Absent: self-signed, made once in dataDir, its fingerprint logged. */
  tls: z.strictObject({ certFile: z.string(), keyFile: z.string() }).optional(),
  upstreams: z.record(z.string(), upstream).default({}),
  /** Mail domain to upstream: a first good login makes the account. */
  domains: z
    .record(
      z.string().transform(value => value.toLowerCase()),
      z.string(),
    )
    .default({}),
  accounts: z.array(account).default([]),
  archive: z
    .strictObject({
      /** false: the account shows no trees and archives nothing. */
      enabled: z.boolean().default(true),
      auto: z
        .strictObject({
          incoming: z.boolean().default(true),
          sent: z.boolean().default(true),
          /** Further upstream folders, by their whole names as the provider has them. */
          folders: z.array(z.string().min(1)).max(100).default([]),
        })
        .prefault({}),
      folders: z
        .strictObject({
          intake: z.string().min(1).default('--ARCHIVIA--'),
          archive: z.string().min(1).default('Archivio'),
          conservation: z.string().min(1).default('Conservazione'),
          /** Below `archive`: sent and not delivered to all yet; failed or not delivered in a day; to be conserved soon. */
          pending: z.string().min(1).default('In attesa di consegna'),
          undelivered: z.string().min(1).default('Non consegnati'),
          expiring: z.string().min(1).default('Da conservare'),
        })
        .prefault({}),
      /** SEARCH TEXT and BODY in the provider's folders are answered from the archive where it has all their messages. */
      upstreamSearch: z.boolean().default(true),
      /** Days before the end of its gestore's certificate that a message that is not conserved enters `expiring`. */
      expiringDays: z.int().positive().max(1095).default(90),
    })
    .prefault({}),
  conservation: z
    .strictObject({
      policy: z
        .strictObject({
          incoming: z.enum(['all', 'envelopes', 'receipts', 'none']).default('receipts'),
          outgoing: z.boolean().default(false),
        })
        .prefault({}),
      /** Absent: evaluation keys, without legal value. */
      signer: z
        .union([
          z.strictObject({ pkcs12File: z.string(), passwordFile: z.string().optional() }),
          z.strictObject({ certFile: z.string(), keyFile: z.string(), passwordFile: z.string().optional() }),
          z.strictObject({
            /** Certificate and chain of the key, PEM. */
            certFile: z.string(),
            pkcs11: z.strictObject({
              /** The maker's PKCS#11 library, as for `pkcs11-tool --module`. */
              moduleFile: z.string(),
              token: z.string().min(1).optional(),
              /** Label of the private key; absent: the only one. */
              key: z.string().min(1).optional(),
              /** Absent: the environment variable ARCHIVIA_SIGNER_PIN. */
              pinFile: z.string().optional(),
            }),
          }),
        ])
        .optional(),
      /** Absent: evaluation stamps, without legal value. Of several authorities the first that answers well is taken. */
      timestamp: z.union([timestampAuthority, z.array(timestampAuthority).min(1)]).optional(),
      /**
       * CAdES level of the signature on the index. T: with a time stamp of its own, so two stamps a batch. B: the stamp
       * over the batch, which covers the signature too, is the only one.
       */
      signatureLevel: z.enum(['T', 'B']).default('T'),
      holder: agent.optional(),
      /** Responsabile della conservazione; the holder when absent. */
      responsible: agent.optional(),
      /** Authorities that gestori's certificates are checked against, besides the system's: a file (PEM), or a folder of such files. */
      gestoriCaFile: z.string().optional(),
      /**
       * Whether revocation lists are fetched, and OCSP responders asked, where gestori's certificates name them (http),
       * when messages are conserved.
       */
      fetchRevocation: z.boolean().default(true),
      /** TempoDiConservazione of each document (AgID, Allegato 5); 9999: for ever. */
      retentionYears: z.int().positive().max(9999).default(10),
      /** Riservato of each document. */
      confidential: z.boolean().default(false),
      batch: z.int().positive().max(10_000).default(1000),
    })
    .prefault({}),
  plans: z
    .record(
      z.string(),
      z.strictObject({
        archiveBytes: bytes.optional(),
        conservationBytes: bytes.optional(),
        upstreamSpace: upstreamSpace.optional(),
      }),
    )
    .default({}),
  /** Plan of accounts that name none. */
  defaultPlan: z.string().optional(),
  alerts: z
    .strictObject({
      /** Whom users are told to ask, in words. */
      contact: z.string().min(1).optional(),
      /** Sender of what Archivia writes; the default cannot be answered. */
      from: address.default('archivia@archivia.invalid'),
      /** Ordinary mail server for notices; absent: none go by mail. */
      smtp: remote.extend({ username: z.string().optional(), passwordFile: z.string().optional() }).optional(),
      /** Asked by POST for each notice, signed with the secret. */
      webhook: z.strictObject({ url: z.url({ protocol: /^https?$/ }), secretFile: z.string().optional() }).optional(),
      /** After so long without a look at the upstream, or with a message in the conservation queue, there is a notice. */
      silentHours: z.int().positive().default(24),
      conservationHours: z.int().positive().default(24),
      /** Notices by mail or webhook for one account; what is more is gathered and goes later. */
      maxPerHour: z.int().positive().default(20),
      /** By address of the mailbox. Accounts that are not named get no notices. */
      accounts: z
        .record(
          address,
          z.strictObject({
            /** Ordinary addresses. */
            to: z.array(address).max(2).default([]),
            webhook: z.boolean().default(false),
            /** A notice for each new certified message. */
            certified: z.boolean().default(true),
            /** Only of these senders; absent: of all. */
            senders: z.array(address).max(100).optional(),
            /** `hh:mm`, Italian time: a summary of the certified messages that are unread then. */
            dailyAt: z
              .string()
              .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as 18:30')
              .optional(),
          }),
        )
        .default({}),
    })
    .prefault({}),
  /**
   * Master key of everything that is stored: a file, a command that prints it, or the environment variable
   * ARCHIVIA_MASTER_KEY; made once when absent.
   */
  vault: z.strictObject({ keyFile: z.string().optional(), keyCommand: z.string().min(1).optional() }).prefault({}),
  limits: z
    .strictObject({
      /** Largest message that a client may APPEND or send. */
      messageBytes: bytes.default(150_000_000),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
});

export type Config = z.infer<typeof configSchema>;
export type UpstreamSpace = z.infer<typeof upstreamSpace>;
export type ListenerConfig = z.infer<typeof listener>;
export type RemoteConfig = z.infer<typeof remote>;
export type SubmissionRules = z.infer<typeof submission>;
export type AgentConfig = z.infer<typeof agent>;
export type WebListenerConfig = NonNullable<Config['web']>['listen'];
export type UpstreamConfig = Config['upstreams'][string];
export type Preset = z.infer<typeof preset>;

/** An upstream with its preset applied: what the rest of the program sees. */
export type Upstream =
  | { readonly kind: 'local' }
  | {
      readonly kind: 'remote';
      readonly name: string;
      readonly imap: RemoteConfig;
      readonly smtp: RemoteConfig | null;
      readonly sentFolder: string | null;
      readonly submission: z.infer<typeof submission>;
      readonly maxConnections?: number;
      readonly passwordDays?: number;
    };
