import { startCourier } from '../support/courier.ts';
import { describeUpstream } from './upstream-suite.ts';

describeUpstream({
  name: 'Courier',
  ...{ delimiter: '.', prefix: 'INBOX.', sent: 'Sent', makeSent: true },
  lacks: ['MOVE', 'UNSELECT', 'LITERAL+', 'SPECIAL-USE'],
  start: users => startCourier({ users }),
});
