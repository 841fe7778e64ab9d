/** In a process of its own: a controller with one board, whose console is the pseudo-terminal given and that does nothing else. */
import { virtual } from '../../devices/virtual.ts';
import { Controller } from '../../lab/controller/controller.ts';
import { methods } from '../../lab/controller/methods.ts';
import { Peers } from '../../lab/controller/peers.ts';
import { Questions } from '../../lab/controller/questions.ts';
import { RpcServer } from '../../lab/controller/server.ts';
import { PROJECT_ROOT, socketPath } from '../../lab/paths.ts';
import { buildId } from '../../lab/rpc/build.ts';

const [state = '', path = ''] = process.argv.slice(2);
const nothing = () => Promise.resolve();
const controller = await Controller.create({
  ...{ state, version: '0', leaseMs: 30_000, lingerMs: 1000, graceMs: 1000 },
  boards: [{ name: 'bench', profile: virtual, wiring: null, endState: 'off', onlyByName: false, modems: [] }],
  hardware: () => ({
    ...{ prepare: nothing, powerOn: nothing, powerOff: nothing, reset: nothing, detach: nothing },
    adopt: () => Promise.resolve(false),
    state: () => Promise.resolve('on'),
    onEvent: () => undefined,
    console: () => ({ type: 'pty', path }),
    ssh: () => ({ host: '127.0.0.1', port: 1 }),
    memoryBytes: () => Promise.resolve(null),
  }),
  peers: new Peers({ peers: {}, links: [], state, privateKeyPath: '' }),
  onActivity: () => undefined,
  log: (message) => process.stderr.write(`${message}\n`),
});
const server: RpcServer = new RpcServer({
  path: socketPath(state),
  handlers: methods(controller, {
    ...{ build: buildId(), root: PROJECT_ROOT, startedAt: new Date().toISOString() },
    ...{
      lab: 'virtual',
      labFile: null,
      questions: new Questions(),
    },
    commands: () => server.commands,
    stop: () => void end(),
  }),
  onDisconnect: (connection) => controller.disconnected(connection),
  log: () => undefined,
});
await server.listen();
process.stdout.write('listens\n');
// Whoever started it ends it by closing this.
process.stdin.resume().on('end', () => void end());

/** In order, so that nothing is written any more when its folder is removed. */
async function end(): Promise<void> {
  server.close();
  await controller.detach();
  process.exit();
}
