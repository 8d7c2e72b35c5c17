import { startDovecot } from '../support/dovecot.ts';
import { EXTENSIONS, type Extension } from './upstream-stage.ts';
import { describeUpstream } from './upstream-suite.ts';

const COMMON = { delimiter: '/', prefix: '', sent: 'Posta inviata' } as const;

/** Dovecot that says no word of these extensions. */
function describeWithout(lacks: readonly Extension[]): void {
  const capability = ['IMAP4rev1', ...EXTENSIONS.filter(extension => !lacks.includes(extension))].join(' ');
  const start = (users: Readonly<Record<string, string>>) => startDovecot({ capability, users });
  describeUpstream({ name: `Dovecot without ${lacks.join(', ')}`, ...COMMON, lacks, start });
}

describeWithout(['UIDPLUS', 'SPECIAL-USE']);
describeWithout(['MOVE', 'UNSELECT', 'LITERAL+']);
describeWithout(EXTENSIONS);
