import type { Notice } from './notice.ts';

/** Subject and text of one letter about what waits to be told, oldest first. */
export function noticeText(
  address: string,
  notices: readonly Notice[],
  contact: string | undefined,
): readonly [string, string] {
  const [only] = notices;
  const subject = only !== undefined && notices.length === 1 ? subjectOf(only) : `${notices.length} avvisi`;
  const sections = notices.map(notice => paragraph(notice));
  const end = `Questo avviso è automatico e non contiene il testo dei messaggi: per leggerli aprire la casella ${address}. Per domande rivolgersi a ${contact ?? 'chi gestisce Archivia'}.`;
  return [`PEC ${address}: ${subject}`, [...sections, end].join('\n\n')];
}

function subjectOf(notice: Notice): string {
  switch (notice.kind) {
    case 'certified':
      return 'nuovo messaggio certificato';
    case 'unread':
      return notice.count === 1
        ? 'un messaggio certificato da leggere'
        : `${notice.count} messaggi certificati da leggere`;
    case 'undelivered':
      return 'un messaggio inviato non risulta consegnato';
    case 'password-refused':
      return 'il gestore rifiuta la password';
    case 'archiver-silent':
      return "l'archiviazione è ferma";
    case 'conservation-late':
      return 'la conservazione è in ritardo';
  }
}

function paragraph(notice: Notice): string {
  switch (notice.kind) {
    case 'certified':
      return `Nuovo messaggio certificato del ${when(notice.at)}.\nMittente: ${notice.sender}\nOggetto: ${notice.subject}`;
    case 'unread': {
      const shown = notice.messages.map(({ sender, subject }) => `- ${sender}: ${subject}`);
      const more = notice.count > shown.length ? [`- e altri ${notice.count - shown.length}`] : [];
      return ['Messaggi certificati da leggere:', ...shown, ...more].join('\n');
    }
    case 'undelivered':
      return `Per il messaggio "${notice.subject}", inviato il ${when(notice.at)}, non risulta la consegna a ${notice.recipients.join(', ')}.`;
    case 'password-refused':
      return `Il gestore rifiuta la password della casella dal ${when(notice.at)}: i nuovi messaggi non vengono archiviati. Impostare la password attuale nel programma di posta e accedere una volta attraverso Archivia; poi tutto riprende da solo.`;
    case 'archiver-silent':
      return notice.at === null
        ? 'Da quando è stata avviata, Archivia non è riuscita a leggere la casella: i nuovi messaggi non vengono archiviati. Riproverà da sola.'
        : `Archivia non riesce a leggere la casella dal ${when(notice.at)}: i nuovi messaggi non vengono archiviati. Riproverà da sola.`;
    case 'conservation-late':
      return `Dal ${when(notice.at)} ci sono messaggi in attesa di conservazione che non è stato possibile conservare. Archivia riproverà da sola; i messaggi restano nell'archivio.`;
  }
}

/** `5 maggio 2026, 09:08`, Italian time. */
function when(at: number): string {
  return new Date(at).toLocaleString('it-IT', { dateStyle: 'long', timeStyle: 'short', timeZone: 'Europe/Rome' });
}
