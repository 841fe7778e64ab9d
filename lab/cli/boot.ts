/** `hil boot BOARD`: its named states, its boot loader, and other kernels than its own. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { BootSource } from '../board/boot/sources.ts';
import { BOOT_STATES, type BootState } from '../board/boot/states.ts';
import { defined } from '../defined.ts';
import { ConfigError } from '../errors.ts';
import type { Params } from '../rpc/schema.ts';
import { Step } from '../setup/steps.ts';
import { sanitizeStream } from '../text.ts';
import { parseCount } from '../units.ts';
import type { Invocation } from './invocation.ts';
import { useBoard, type WaitOption, waitOption } from './lease.ts';

interface BootOptions extends WaitOption {
  to?: string;
  stop?: true;
  command?: string;
  kernel?: string;
  initrd?: string;
  dtb?: string;
  configuration?: string;
  args?: string;
  serve?: string;
  server?: string;
  http?: true;
  usb?: string;
  address?: string;
  port?: number;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .option('--to <state>', `bring it to a state: ${BOOT_STATES.join(', ')}`)
    .option('--stop', 'power-cycle it, and stop it in its boot loader')
    .option('--command <line>', 'a command of the boot loader in which it was stopped')
    .option('--kernel <file>', 'boot this kernel, or this FIT, once')
    .option('--initrd <file>', 'with this initial root')
    .option('--dtb <file>', 'with this device tree; default: that of the boot loader')
    .option('--configuration <name>', 'of a FIT; default: the one it names itself')
    .option('--args <text>', 'kernel command line')
    .option('--serve <address>', 'address of this machine at which the board fetches the files')
    .option('--server <address>', 'of another server, which has files of these names')
    .option('--http', 'by HTTP; default: TFTP')
    .option('--usb <device:partition>', 'the files are on a USB stick in the board, such as 0:1')
    .option('--address <address>', "the board's own; default: it asks by DHCP")
    .option(
      '--port <port>',
      'of the server here; default: 69, or 80 for HTTP',
      parseCount('--port', 1, 65_535),
    )
    .addHelpText(
      'after',
      `
What the board boots by itself is not changed: variables are set for this boot alone, and nothing is written to flash.
Where no server is named, the board fetches the files as "netboot" in the lab file says.

Examples:
  hil boot va1 --to bootloader && hil boot va1 --command 'printenv bootargs'
  hil boot bpi1 --kernel uImage --dtb r2.dtb --serve 192.168.1.5 --args 'console=ttyS0,115200 root=/dev/mmcblk0p2'
  hil boot bpi1 --kernel image.itb --usb 0:1 --args 'console=ttyS0,115200'
  hil power va1 cycle                         back to what it boots by itself`,
    )
    .action((name: string, options: BootOptions) => boot(name, options, invocation));
}

async function boot(name: string, options: BootOptions, invocation: Invocation): Promise<void> {
  const { to, stop, command, kernel, wait } = options;
  const wanted = [to, stop, command, kernel].filter((each) => each !== undefined).length;
  if (wanted !== 1)
    throw new ConfigError('one of --to, --stop, --command and --kernel is needed', {
      hint: 'hil boot --help',
    });
  const state = to === undefined ? null : stateOf(to);
  const start = kernel === undefined ? null : startOf(kernel, options);
  await useBoard(name, { wait, purpose: 'boot', invocation }, async (board, signal) => {
    if (command !== undefined) {
      const { exitCode, output } = await board.call('boot.command', { command }, { signal });
      await invocation.write(sanitizeStream(output));
      invocation.exitCode = exitCode;
      return;
    }
    using step = new Step(name);
    const onEvent = ({ detail }: { detail: string }) => step.update({ detail });
    if (start !== null) {
      await board.call('boot.once', start, { signal, onEvent });
      step.done('up, with what was given to it for this boot');
    } else if (state !== null) {
      const { trail } = await board.call('boot.reach', { state }, { signal, onEvent });
      step.done(trail.length === 0 ? `was ${state}` : trail.join(' -> '));
    } else {
      await board.call('boot.stop', {}, { signal, onEvent });
      step.done(`in its boot loader; hil boot ${name} --command, or hil console ${name}`);
    }
  });
}

function stateOf(text: string): BootState {
  const state = BOOT_STATES.find((each) => each === text);
  if (state) return state;
  throw new ConfigError(`a board has no state "${text}"`, { hint: `there are ${BOOT_STATES.join(', ')}` });
}

function startOf(kernel: string, options: BootOptions): Omit<Params<'boot.once'>, 'lease'> {
  const { initrd, dtb, configuration, args, usb } = options;
  const source = sourceOf(options);
  const at = (path: string | undefined) => (path === undefined || usb !== undefined ? path : resolve(path));
  return {
    ...{ kernel: usb === undefined ? resolve(kernel) : kernel, bootargs: args ?? '' },
    ...defined({ initrd: at(initrd), dtb: at(dtb), configuration, source }),
  };
}

/** Undefined: as the lab file says. */
function sourceOf({ serve, server, usb, http, address, port }: BootOptions): BootSource | undefined {
  if ([serve, server, usb].filter((each) => each !== undefined).length > 1)
    throw new ConfigError('only one of --serve, --server and --usb can be where the files are', {
      hint: 'ip route get BOARD shows the address of this machine that it can reach',
    });
  if (usb !== undefined) {
    if (/^\d+:\d+$/.test(usb)) return { by: 'usb', device: usb };
    throw new ConfigError(`"${usb}" is no device and partition of a USB stick`, {
      hint: 'such as --usb 0:1',
    });
  }
  const serverip = serve ?? server;
  const by = http ? 'http' : 'tftp';
  if (serverip !== undefined)
    return {
      ...{ by, serverip, prefix: '' },
      port: serve === undefined ? null : (port ?? (by === 'tftp' ? 69 : 80)),
      network: address === undefined ? 'dhcp' : { ipaddr: address },
    };
  if (http || address !== undefined || port !== undefined)
    throw new ConfigError('--http, --address and --port need --serve or --server', {
      hint: 'hil boot --help',
    });
  return undefined;
}
