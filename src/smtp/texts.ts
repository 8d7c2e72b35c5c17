/**
 * What users read when sending fails. Mail clients show these lines as they are, and SMTP allows only ASCII in them
 * (RFC 5321 section 4.2), hence no accented letters.
 */
import type { Reply } from './reply.ts';

const reply = (code: number, text: string): Reply => ({ code, text });

export const BAD_CREDENTIALS = reply(535, '5.7.8 Nome utente o password non validi.');
export const PROVIDER_DOWN_LOGIN = reply(
  454,
  '4.7.0 Il server del gestore PEC non risponde: riprovare tra qualche minuto. La password non ha colpa.',
);
export const NO_SENDING = reply(
  454,
  '4.7.0 Questa casella si consulta soltanto: non ha un gestore PEC attraverso cui inviare.',
);
export const TOO_MANY_CONNECTIONS = reply(
  421,
  '4.7.0 Troppe connessioni contemporanee per questa casella: riprovare tra poco.',
);
export const PROVIDER_DOWN = reply(
  451,
  '4.4.1 Il server del gestore PEC non risponde. Nulla risulta inviato: riprovare tra qualche minuto.',
);
export const PROVIDER_LOST = reply(
  451,
  '4.4.2 Il gestore PEC ha chiuso la connessione prima della fine. Nulla risulta inviato: riprovare.',
);
export const OUTCOME_UNKNOWN = reply(
  451,
  '4.4.2 Il gestore PEC non ha confermato la presa in carico. Prima di inviare di nuovo controllare se arriva la ' +
    'ricevuta di accettazione.',
);
export const NO_SPACE = reply(
  452,
  "4.3.1 L'archivio non riesce a registrare il messaggio, e quindi non lo invia. Avvisare chi gestisce Archivia.",
);
export const INTERNAL = reply(451, '4.3.0 Errore interno di Archivia. Il messaggio non risulta inviato: riprovare.');

export const BCC = reply(
  550,
  '5.7.1 La PEC non ammette destinatari in copia nascosta (Ccn): indicarli in A o in Cc. Nulla risulta inviato.',
);
export const hiddenRecipient = (address: string): Reply =>
  reply(
    550,
    `5.7.1 La PEC non ammette destinatari nascosti: ${address} non compare in A o in Cc. Nulla risulta inviato.`,
  );
export const tooManyRecipients = (maximum: number): Reply =>
  reply(550, `5.5.3 Troppi destinatari: un messaggio PEC ne ammette al massimo ${maximum}. Dividere l'invio.`);
export const wrongSender = (address: string): Reply =>
  reply(550, `5.7.1 Il mittente deve essere la casella PEC stessa, ${address}, e nessun altro. Nulla risulta inviato.`);
export const tooLarge = (maximum: number): Reply =>
  reply(
    552,
    `5.3.4 Messaggio troppo grande: questa casella ammette al massimo ${size(maximum)}. Nulla risulta inviato.`,
  );
export const tooLargeInAll = (maximum: number, recipients: number): Reply =>
  reply(
    552,
    `5.3.4 Messaggio troppo grande per ${recipients} destinatari: dimensione per destinatari fa al massimo ` +
      `${size(maximum)}. Dividere l'invio. Nulla risulta inviato.`,
  );

export const HEADER_TOO_LARGE = reply(
  552,
  '5.3.4 Il messaggio ha una intestazione troppo lunga. Nulla risulta inviato.',
);
export const BARE_NEWLINE = reply(
  554,
  '5.6.0 Il messaggio contiene fini di riga irregolari (CR o LF isolati), che cambierebbero lungo il percorso. Nulla ' +
    'risulta inviato.',
);
export const EIGHT_BIT = reply(554, '5.6.3 Il gestore PEC non accetta contenuti a 8 bit (8BITMIME).');
export const NO_DSN = reply(
  555,
  '5.5.4 Il gestore PEC non ha le notifiche di consegna di SMTP (DSN): bastano le ricevute PEC. Togliere la richiesta.',
);
export const TOO_FAST = reply(
  450,
  '4.7.1 Troppi messaggi in un minuto per questa casella. Nulla risulta inviato: riprovare tra un minuto.',
);
export const NON_ASCII_ADDRESS = reply(
  553,
  '5.6.7 Gli indirizzi PEC non possono contenere lettere accentate o simboli.',
);

function size(octets: number): string {
  const [unit, name] = octets >= 1_000_000 ? ([1_000_000, 'MB'] as const) : ([1_000, 'kB'] as const);
  return octets < 1_000 ? `${octets} byte` : `${Math.floor((octets / unit) * 10) / 10} ${name}`.replace('.', ',');
}
