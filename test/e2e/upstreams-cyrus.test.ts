import { startCyrus } from '../support/cyrus.ts';
import { describeUpstream } from './upstream-suite.ts';

describeUpstream({
  name: 'Cyrus with / and folders beside the INBOX',
  ...{ delimiter: '/', prefix: '', sent: 'Posta inviata', lacks: [] },
  start: users => startCyrus({ separator: '/', besideInbox: true, users }),
});

describeUpstream({
  name: 'Cyrus with . and folders below the INBOX',
  ...{ delimiter: '.', prefix: 'INBOX.', sent: 'Posta inviata', lacks: [] },
  start: users => startCyrus({ separator: '.', besideInbox: false, users }),
});
