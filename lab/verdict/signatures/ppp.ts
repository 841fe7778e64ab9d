/** Modems that are dialled: chat and pppd. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const PPP = { source: 'pppd and chat 2.4, 2.5' } as const;
const MODEM = { class: 'modem-at-error', blame: 'product', role: 'root' } as const;
const REFUSED = { class: 'modem-at-error', blame: 'product', role: 'symptom' } as const;
const NO_DATA = { class: 'no-data', blame: 'product', role: 'symptom' } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do' } as const;

const WHERE = 'Registration, signal and APN: AT+CREG?, AT+CSQ, AT+CGDCONT?; is the SIM unlocked: AT+CPIN?';

export const ppp: readonly Signature[] = [
  {
    ...NOISE,
    ...PPP,
    id: 'ppp/chat-setting',
    ...line('abort on ('),
    meaning: 'The dial script says which answers would end it',
  },
  {
    ...MODEM,
    ...PPP,
    blame: 'config',
    id: 'ppp/dial',
    ...line([
      'Failed (NO CARRIER)',
      'Failed (NO DIALTONE)',
      'Failed (NO DIAL TONE)',
      'Failed (NO ANSWER)',
      'Failed (BUSY)',
      'Failed (ERROR)',
      '<CR><LF>NO CARRIER<CR><LF>',
    ]),
    meaning: 'The modem does not get through when it dials',
    next: WHERE,
  },
  {
    ...REFUSED,
    ...PPP,
    id: 'ppp/connect-script',
    ...line('Connect script failed'),
    meaning: 'The dial script ends without a connection',
    next: 'The lines of chat before it tell at which command; does the port answer AT?',
  },
  {
    ...NO_DATA,
    ...PPP,
    blame: 'lab',
    id: 'ppp/silent',
    ...line([
      'LCP: timeout sending Config-Requests',
      'IPCP: timeout sending Config-Requests',
      'Could not determine remote IP address',
      'No network protocols running',
    ]),
    meaning: 'The network does not take up the PPP connection',
    next: WHERE,
  },
  {
    ...REFUSED,
    ...PPP,
    blame: 'config',
    id: 'ppp/password',
    ...line(['PAP authentication failed', 'CHAP authentication failed']),
    meaning: 'The network does not take user and password',
    next: 'User, password and APN of the plan',
  },
  {
    ...NO_DATA,
    ...PPP,
    blame: 'lab',
    id: 'ppp/lost',
    ...line(['Modem hangup', 'Serial link appears to be disconnected', 'LCP terminated by peer'], {
      prefix: 'pppd\\[\\d{1,7}\\]: ',
    }),
    meaning: 'The PPP connection breaks off',
    next: WHERE,
  },
];
