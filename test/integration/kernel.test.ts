/** The kernel's log, modules and provenance of a real kernel. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import { KernelLog } from '../../lab/kernel/log.ts';
import {
  isLoaded,
  loadModule,
  moduleParameters,
  setParameter,
  unloadModule,
} from '../../lab/kernel/modules.ts';
import { provenance } from '../../lab/kernel/provenance.ts';
import { failure } from '../failure.ts';
import { BOOT_MS, RemoteBoard } from './remote-board.ts';

const DRIVER = 'mac80211_hwsim';

describe("a board's kernel", { timeout: 600_000 }, () => {
  let board: RemoteBoard;
  let log: KernelLog;
  const life = new AbortController();
  before(async () => {
    board = await RemoteBoard.make();
    await board.boot();
    log = new KernelLog({ remote: board.remote, journal: board.journal, board: 'rb' });
    await log.start(life.signal);
    await log.barrier({ timeoutMs: BOOT_MS });
  });
  after(async () => {
    await log.stop();
    await board.dispose();
  });
  const textsSince = (mark: Parameters<KernelLog['since']>[0]) => log.since(mark).map(({ text }) => text);
  const say = (words: string) => board.remote.check(`echo '<4>${words}' >/dev/kmsg`);

  test('its log is followed from its first record on', () => {
    const first = log.since({ bootId: board.remote.bootId ?? '', seq: -1 })[0];
    assert.equal(first?.seq, 0);
    assert.match(first?.text ?? '', /^Linux version/);
    assert.deepEqual(board.eventsOf('kernel.boot'), [{ bootId: board.remote.bootId }]);
  });

  test('a barrier makes sure that what was logged before has arrived, and leaves no line itself', async () => {
    const mark = log.mark();
    await say('before the barrier');
    await log.barrier();
    assert.ok(textsSince(mark).includes('before the barrier'));
    assert.deepEqual(
      textsSince(mark).filter((text) => text.includes('hil-')),
      [],
    );
  });

  test('a line can be waited for, also one that came before the wait but after a mark', async () => {
    const mark = log.mark();
    const waiting = log.waitFor(/awaited (\d+)/, { timeoutMs: BOOT_MS });
    await say('awaited 42');
    assert.equal((await waiting).level, 4);
    assert.equal((await log.waitFor(/awaited/g, { timeoutMs: BOOT_MS, since: mark })).text, 'awaited 42');
    assert.deepEqual((await failure(log.waitFor(/never/, { timeoutMs: 50 }))).code, 'timeout');
  });

  test('a lost connection costs no record and doubles none', async () => {
    const mark = log.mark();
    await say('with the first connection');
    await log.barrier();
    board.remote.disconnect('a flap');
    await say('with the second connection');
    await log.barrier({ timeoutMs: BOOT_MS });
    assert.deepEqual(
      textsSince(mark).filter((text) => text.startsWith('with the')),
      ['with the first connection', 'with the second connection'],
    );
    assert.equal(log.lostSince(mark), 0);
  });

  test('records that the kernel overwrites before they are read are counted exactly', async () => {
    const mark = log.mark();
    const script =
      'p=$(pidof cat);kill -STOP $p;i=0;while [ $i -lt 9000 ];do echo "<6>flood $i of words to fill the ring" >/dev/kmsg;i=$((i+1));done;kill -CONT $p 2>/dev/null;:';
    await board.remote.check(script, { timeoutMs: BOOT_MS });
    await log.barrier({ timeoutMs: BOOT_MS });
    const lost = log.lostSince(mark);
    assert.ok(lost > 0, 'the ring was overrun');
    const barriers = 1;
    assert.equal(textsSince(mark).length + lost + barriers, log.mark().seq - mark.seq);
    assert.ok(board.eventsOf('kernel.lost').length > 0);
  });

  test('the driver loads with parameters, tells them, and unloads', async () => {
    const loaded = await loadModule(board.remote, DRIVER, { radios: '3' });
    assert.ok(loaded.loaded && loaded.log.some((line) => line.includes(DRIVER)), loaded.log.join('\n'));
    assert.equal((await moduleParameters(board.remote, DRIVER)).radios, '3');
    assert.equal((await loadModule(board.remote, DRIVER, { radios: '3' })).loaded, false);
    assert.equal((await failure(loadModule(board.remote, DRIVER, { radios: '2' }))).code, 'already-loaded');
    const inUse = await failure(unloadModule(board.remote, 'mac80211'));
    assert.equal(inUse.code, 'module-in-use');
    assert.match(inUse.message, /mac80211_hwsim/);
    await unloadModule(board.remote, DRIVER);
    assert.equal(await isLoaded(board.remote, DRIVER), false);
    await unloadModule(board.remote, DRIVER);
  });

  test('a load that fails says why', async () => {
    const load = (name: string, parameters = {}) => failure(loadModule(board.remote, name, parameters));
    const missing = await load('mac80211_hwsin');
    assert.deepEqual([missing.fault, missing.code], ['product', 'module-missing']);
    assert.match(missing.message, /mac80211_hwsim/);
    const unknown = await load(DRIVER, { radioz: '2' });
    assert.equal(unknown.code, 'unknown-parameter');
    assert.match(unknown.message, /radios/);
    assert.equal(await isLoaded(board.remote, DRIVER), false, 'what the kernel only warned of is taken back');
    assert.equal((await load(DRIVER, { radios: 'many' })).code, 'invalid-parameter');
    assert.equal((await failure(moduleParameters(board.remote, DRIVER))).code, 'not-loaded');
  });

  test('a module built for another kernel is refused with both versions', async () => {
    const path = (await board.remote.check('modinfo -n dummy_hcd')).trim();
    const folder = path.slice(0, path.lastIndexOf('/'));
    const local = `${board.dir}/m.ko`;
    await board.remote.download(path, local);
    let module = await readFile(local);
    // Without its signature: struct module_signature ends with the length, then comes the closing text.
    const magic = '~Module signature appended~\n';
    if (module.subarray(-magic.length).toString('latin1') === magic) {
      const length = module.readUInt32BE(module.length - magic.length - 4);
      module = module.subarray(0, module.length - magic.length - 12 - length);
    }
    const at = module.indexOf(' SMP ', module.indexOf('vermagic='));
    assert.ok(at > 0);
    module.write(' UPX ', at, 'latin1');
    await board.remote.upload(module, `${folder}/hil_bad.ko`);
    await board.remote.check('depmod -a');
    const error = await failure(loadModule(board.remote, 'hil_bad'));
    assert.equal(error.code, 'vermagic', error.message);
    assert.match(error.message, /built for \S+ UPX .*the kernel is \S+ SMP /);
  });

  test('a parameter can be set while a module is loaded, if there is one and the value fits', async () => {
    await setParameter(board.remote, 'printk', 'ignore_loglevel', 'N');
    assert.equal(
      (await failure(setParameter(board.remote, 'printk', 'nope', 'Y'))).code,
      'unknown-parameter',
    );
    assert.equal(
      (await failure(setParameter(board.remote, 'printk', 'time', 'maybe'))).code,
      'invalid-parameter',
    );
  });

  test('provenance names kernel, modules, firmware and tools', async () => {
    const facts = await provenance(board.remote, virtual);
    assert.match(facts.kernel, /^\d+\.\d+\.\d+-\S+ #/);
    assert.equal(facts.bootId, board.remote.bootId);
    for (const name of [DRIVER, 'mac80211', 'cfg80211'])
      assert.match(facts.modules[name]?.sha256 ?? '', /^[0-9a-f]{64}$/);
    for (const path of virtual.driver.firmware) assert.match(facts.firmware[path] ?? '', /^[0-9a-f]{64}$/);
    assert.match(
      Object.values(facts.tools).join('; '),
      /hostapd v\d.*wpa_supplicant v\d.*iw version \d.*iperf \d/,
    );
  });

  test('a board set back to a snapshot goes on being followed', async () => {
    await board.machine.saveSnapshot('mid');
    for (let line = 0; line < 5; line++) await say(`before going back ${line}`);
    await log.barrier();
    const mark = log.mark();
    await log.stop();
    board.remote.disconnect('back to the snapshot');
    await board.machine.loadSnapshot('mid');
    await log.start(life.signal);
    await say('after going back');
    await log.barrier({ timeoutMs: BOOT_MS });
    assert.deepEqual(
      textsSince(mark).filter((text) => text.includes('going back')),
      ['after going back'],
    );
  });

  test('a reset is a new boot, followed from its first record', async () => {
    const mark = log.mark();
    await board.machine.reset();
    await board.remote.connect({ timeoutMs: BOOT_MS }).catch(() => undefined);
    board.remote.disconnect('it was reset');
    await board.remote.connect({ timeoutMs: BOOT_MS });
    await log.barrier({ timeoutMs: BOOT_MS });
    assert.notEqual(log.mark().bootId, mark.bootId);
    assert.match(textsSince(mark).find((text) => text.startsWith('Linux version')) ?? '', /^Linux/);
    assert.equal(log.lostSince(mark), 0);
  });

  test('a stopped log leaves no reader on the board, and says that it is not followed', async () => {
    await log.stop();
    await board.remote.reap();
    while ((await board.processes('^cat /dev/kmsg')).length > 0);
    assert.equal((await failure(log.barrier())).code, 'not-followed');
  });
});
