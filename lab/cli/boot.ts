/** `hil boot BOARD`: its boot loader, and other kernels than its own. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../errors.ts';
import { Step } from '../setup/steps.ts';
import { sanitizeStream } from '../text.ts';
import type { Invocation } from './invocation.ts';
import { useBoard, type WaitOption, waitOption } from './lease.ts';
import { parseCount } from './units.ts';

interface BootOptions extends WaitOption {
  stop?: true;
  command?: string;
  kernel?: string;
  initrd?: string;
  dtb?: string;
  args?: string;
  serve?: string;
  server?: string;
  address?: string;
  port: number;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .option('--stop', 'power-cycle it, and stop it in its boot loader')
    .option('--command <line>', 'a command of the boot loader in which it was stopped')
    .option('--kernel <file>', 'boot this kernel over the network, once')
    .option('--initrd <file>', 'with this initial root')
    .option('--dtb <file>', 'with this device tree; default: that of the boot loader')
    .option('--args <text>', 'kernel command line')
    .option('--serve <address>', 'address of this machine at which the board fetches the files')
    .option('--server <address>', 'of another TFTP server, which has files of these names')
    .option('--address <address>', "the board's own; default: it asks by DHCP")
    .option('--port <port>', 'of the TFTP server here; 69 needs root', parseCount('--port', 1, 65_535), 69)
    .addHelpText(
      'after',
      `
What the board boots by itself is not changed: variables are set for this boot alone, and nothing is written to flash.

Examples:
  hil boot va1 --stop && hil boot va1 --command 'printenv bootargs'
  hil boot bpi1 --kernel uImage --dtb r2.dtb --serve 192.168.1.5 --args 'console=ttyS0,115200 root=/dev/mmcblk0p2'
  hil power va1 cycle                         back to what it boots by itself`,
    )
    .action((name: string, options: BootOptions) => boot(name, options, invocation));
}

async function boot(name: string, options: BootOptions, invocation: Invocation): Promise<void> {
  const { stop, command, kernel, wait } = options;
  const wanted = [stop, command, kernel].filter((each) => each !== undefined).length;
  if (wanted !== 1)
    throw new ConfigError('one of --stop, --command and --kernel is needed', { hint: 'hil boot --help' });
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
    if (start === null) {
      await board.call('boot.stop', {}, { signal, onEvent });
      step.done(`in its boot loader; hil boot ${name} --command, or hil console ${name}`);
    } else {
      await board.call('boot.network', start, { signal, onEvent });
      step.done('up, with what was given to it for this boot');
    }
  });
}

function startOf(kernel: string, { initrd, dtb, args, serve, server, address, port }: BootOptions) {
  const serverip = serve ?? server;
  if (serverip === undefined || (serve !== undefined && server !== undefined))
    throw new ConfigError('one of --serve and --server is needed: where the board fetches the files', {
      hint: 'ip route get BOARD shows the address of this machine that it can reach',
    });
  return {
    kernel: resolve(kernel),
    ...(initrd === undefined ? {} : { initrd: resolve(initrd) }),
    ...(dtb === undefined ? {} : { dtb: resolve(dtb) }),
    ...{ bootargs: args ?? '', serverip, port: serve === undefined ? null : port },
    network: address === undefined ? ('dhcp' as const) : { ipaddr: address },
  };
}
