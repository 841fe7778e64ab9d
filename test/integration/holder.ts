/** Holds vb1 with an access point and traffic on it until killed: what controller.test.ts kills. */
import { LeasedBoard } from '../../lab/client/board.ts';
import { LabClient } from '../../lab/client/client.ts';

const lab = await LabClient.connect({ client: 'holder' });
const board = await LeasedBoard.acquire(lab, { owner: 'holder', boards: ['vb1'], fresh: true });
await board.ready();
await board.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
await board.call('ap.start', { options: {} });
process.stdout.write('up\n');
await board.call('ssh.exec', { command: 'exec iperf3 -s' });
