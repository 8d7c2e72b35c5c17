import { type DovecotOptions, startDovecot } from '../support/dovecot.ts';
import type { UpstreamKind } from './upstream-stage.ts';
import { describeUpstream } from './upstream-suite.ts';

const dovecot =
  (options: DovecotOptions): UpstreamKind['start'] =>
  users =>
    startDovecot({ ...options, users });

const KINDS: readonly UpstreamKind[] = [
  {
    name: 'Dovecot with / and no prefix',
    ...{ delimiter: '/', prefix: '', sent: 'Posta inviata', lacks: [] },
    start: dovecot({}),
  },
  {
    name: 'Dovecot with . and INBOX.',
    ...{ delimiter: '.', prefix: 'INBOX.', sent: 'Posta inviata', lacks: [] },
    start: dovecot({ separator: '.', prefix: 'INBOX.' }),
  },
];

for (const kind of KINDS) describeUpstream(kind);
