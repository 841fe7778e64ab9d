/**
 * A board on a bench that needs no hardware: a machine behind real wires. Its power is an outlet of PDUDaemon, its console a
 * port of ser2net, its network an address; the lab knows nothing else of it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureHostKey, ensureLabKeys } from '../../lab/board/ssh/keys.ts';
import { freePort } from '../../lab/free-port.ts';
import { PROJECT_ROOT } from '../../lab/paths.ts';
import { runningQemu } from '../../lab/virtual/launch.ts';
import { end } from '../unit/console-bench.ts';
import { until } from './lab.ts';
import { listens, ser2net } from './ser2net.ts';

export interface Bench extends AsyncDisposable {
  labFile: string;
  /** Whether the machine has power, whatever anybody says. */
  hasPower(): boolean;
  /** The power switch takes commands, and does nothing. */
  jam(): void;
  unjam(): void;
}

/**
 * `state` is the folder of the lab that will drive it: its keys open the board. `split`: the board has an access point's radio
 * alone, and its station is that of a peer - the same machine by another connection, in the namespace `sta`.
 */
export async function makeBench(state: string, { split = false } = {}): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'hil-b-'));
  const keys = await ensureLabKeys(join(state, 'keys'));
  const hostKey = await ensureHostKey(dir);
  const board = join(dir, 'board');
  const lock = spawn('flock', [join(dir, 'lock'), 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (lock.stdout) await once(lock.stdout, 'data');
  copyFileSync(keys.authorizedKeysPath, join(dir, 'authorized_keys'));
  const jam = join(dir, 'jammed');
  const outlet = `test -e ${jam} || ${join(PROJECT_ROOT, 'lab/cli/node')} ${join(import.meta.dirname, 'outlet.ts')} ${dir}`;
  const pduPort = await freePort();
  writeFileSync(
    join(dir, 'pdudaemon.conf'),
    JSON.stringify({
      daemon: {
        hostname: '127.0.0.1',
        port: pduPort,
        logging_level: 'DEBUG',
        listener: 'http',
        dbname: join(dir, 'pdud.db'),
      },
      pdus: {
        bench: {
          driver: 'localcmdline',
          cmd_on: `sh -c '${outlet} on' %s`,
          cmd_off: `sh -c '${outlet} off' %s`,
        },
      },
    }),
  );
  const pdudaemon = spawn('pdudaemon', ['--conf', join(dir, 'pdudaemon.conf'), '--listener', 'http'], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await until(() => listens(pduPort), 'PDUDaemon listens');
  const consolePort = await freePort();
  const terminalServer = await ser2net(dir, join(board, 'console'), consolePort, 'tcp');
  const address = await forward(board);
  const labFile = join(dir, 'lab.yaml');
  const ssh = `{host: 127.0.0.1, port: ${address.port}, hostKey: ${JSON.stringify(hostKey.publicKey.split(' ').slice(0, 2).join(' '))}}`;
  writeFileSync(
    labFile,
    `boards:
  bench1:
    profile: virtual
    description: a machine behind wires
    capabilities: {remove: [snapshot, reset]}
    power: {type: pdudaemon, url: "http://127.0.0.1:${pduPort}", hostname: bench, port: 1}
    powerPolicy: {minOff: 200ms, settle: 0s, minInterval: 0s, maxPerMinute: 60, confirmWithin: 6s}
    console: {type: tcp, host: 127.0.0.1, port: ${consolePort}}
    ssh: ${ssh}
${split ? '    radios: [{interface: wlan0, role: ap}]\n    throughput: {tcpFloorMbit: 1}\n' : ''}peers:
  here: {ssh: local, roles: [monitor], interface: lo}
  nowhere: {ssh: {host: 127.0.0.1, port: 1}, roles: [station]}
${split ? `  sta: {ssh: ${ssh}, roles: [station, iperf3-server], interface: wlan1, namespace: sta}\nlinks:\n  - {kind: wifi, board: bench1, peer: sta}\n` : ''}modems:
  hub: {board: bench1, usb: 1d6b:0002}
  stick: {board: bench1, usb: 12d1:14dc, interface: wwan0}
groups:
  all: [bench1]
`,
  );
  return {
    labFile,
    hasPower: () => runningQemu(board) !== null,
    jam: () => writeFileSync(jam, ''),
    unjam: () => rmSync(jam, { force: true }),
    [Symbol.asyncDispose]: async () => {
      const qemu = runningQemu(board);
      if (qemu) process.kill(qemu.id.pid, 'SIGKILL');
      address.server.close();
      for (const child of [pdudaemon, terminalServer, lock]) await end(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A fixed address that leads to the machine's SSH server, wherever it is at present; closed while it has no power. */
async function forward(board: string): Promise<{ server: Server; port: number }> {
  const server = createServer((client) => {
    const port = runningQemu(board)?.sshPort;
    if (port === undefined) return void client.destroy();
    const machine = connect(port, '127.0.0.1');
    machine.pipe(client).pipe(machine);
    client.on('error', () => machine.destroy()).on('close', () => machine.destroy());
    machine.on('error', () => client.destroy()).on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}
