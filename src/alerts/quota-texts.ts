import type { Level, Space } from './space.ts';

/** What the user reads in the INBOX. */
export function quotaText(
  address: string,
  space: Space,
  level: Level,
  contact: string | undefined,
): readonly [string, string] {
  const archive = space.name === 'Archivio';
  const what = archive ? "L'archivio" : 'Lo spazio di conservazione';
  const subject =
    level === 100
      ? `Archivia: ${archive ? 'archivio pieno' : 'spazio di conservazione pieno'}`
      : `Archivia: ${archive ? 'archivio' : 'spazio di conservazione'} occupato oltre il ${level} %`;
  const state =
    level === 100
      ? `${what} della casella ${address} è pieno: ${amount(space.used)} usati su ${amount(space.limit)}.`
      : `${what} della casella ${address} è occupato oltre il ${level} %: ${amount(space.used)} usati su ${amount(space.limit)}.`;
  return [subject, [state, consequence(archive, level), remedy(archive, contact)].join('\n\n')];
}

function consequence(archive: boolean, level: Level): string {
  if (archive) {
    return level === 100
      ? "I nuovi messaggi restano nella casella del gestore e per ora non vengono copiati nell'archivio. Nulla va perso, purché non vengano cancellati dalla casella: appena c'è spazio l'archiviazione riprende da sola da dove si è fermata."
      : "Quando sarà pieno, i nuovi messaggi non verranno più copiati nell'archivio finché non ci sarà di nuovo spazio.";
  }
  return level === 100
    ? 'Copiare o spostare messaggi nella cartella di versamento non è più possibile: il programma di posta riceve un errore e nessun messaggio viene spostato.'
    : 'Quando sarà pieno, non si potranno più mandare messaggi in conservazione.';
}

function remedy(archive: boolean, contact: string | undefined): string {
  const ask = `Per avere più spazio rivolgersi a ${contact ?? 'chi gestisce Archivia'}.`;
  return archive
    ? `Per liberare spazio si possono cancellare dalle cartelle di Archivio i messaggi che non servono più; quelli conservati non si cancellano. ${ask}`
    : `Ciò che è conservato non si può cancellare. ${ask}`;
}

/** As plans are sold: decimal units, `12,3 GB`. */
function amount(octets: number): string {
  const [value, unit] = octets >= 1e9 ? [octets / 1e9, 'GB'] : [octets / 1e6, 'MB'];
  return `${value.toFixed(1).replace('.', ',')} ${unit}`;
}
