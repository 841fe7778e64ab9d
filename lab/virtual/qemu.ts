/** The command line of a virtual board's QEMU. */
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import type { BoardKind, Machine } from './kinds.ts';
import type { BoardImage } from './manifest.ts';
import { U_BOOT } from './u-boot.ts';

export type Accelerator = 'kvm' | 'tcg';

export interface QemuSetup {
  kind: BoardKind;
  image: BoardImage;
  accelerator: Accelerator;
  /** Folder of the board; disk, sockets and logs lie in it under the names of BOARD_FILES. */
  dir: string;
  /** Port on 127.0.0.1 that leads to the board's SSH server. */
  sshPort: number;
  authorizedKeysPath: string;
}

export const BOARD_FILES = {
  pid: 'pid',
  qmp: 'qmp',
  disk: 'data.qcow2',
  hostname: 'hostname',
  hostKey: 'host_key',
  flash: 'flash',
  console: 'console',
  consoleLog: 'console.log',
  /** What its firmware fetches over TFTP. */
  tftp: 'tftp',
  /** Socket to the port by which its radios are in a shared air. */
  air: 'air',
} as const;

/** Names by which QMP commands address parts of the machine. */
export const DEVICE = { console: 'console', nic: 'nic0' } as const;

/** Name of the port by which a board's radios are in a shared air, as the board sees it. */
export const AIR_PORT = 'hil.air';

/** Longest path of a Unix socket (sockaddr_un holds 108 bytes with the NUL). */
const SOCKET_PATH_BYTES = 107;

/** Processor options; the trial of KVM uses the same as the board. */
export function processorArguments(accelerator: Accelerator, machine: Machine): string[] {
  // A translation cache of 52 MiB keeps a board below 280 MiB; with 32 it is flushed so often that links take a third
  // longer, and the default (1 GiB, or an eighth of the host's memory) buys little more.
  return accelerator === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,tb-size=52', '-cpu', machine.emulatedCpu];
}

/** Arguments of a machine that waits for `cont`. Throws ConfigError when the folder's path is too long for a socket. */
export function qemuArguments(setup: QemuSetup): string[] {
  const { image } = setup;
  const { machine } = setup.kind;
  const file = (name: keyof typeof BOARD_FILES): string => quoted(join(setup.dir, BOARD_FILES[name]));
  const socket = join(setup.dir, BOARD_FILES.qmp);
  if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES) {
    throw new ConfigError(`${socket} is too long for the path of a socket (${SOCKET_PATH_BYTES} bytes)`, {
      code: 'path-too-long',
      hint: 'move the state folder with HIL_STATE_DIR',
    });
  }
  return [
    ['-nodefaults', '-no-user-config', '-display', 'none', '-S'],
    ['-pidfile', join(setup.dir, BOARD_FILES.pid)],
    ['-qmp', `unix:${file('qmp')},server=on,wait=off`],
    // One CPU gives twice the Wi-Fi throughput of two (measured).
    ['-machine', machine.machine, '-smp', '1', '-m', String(machine.memoryMiB)],
    processorArguments(setup.accelerator, machine),
    machine.firmware === 'u-boot' ? underUBoot(file('flash')) : underLinux(setup),
    ['-drive', `file=${quoted(image.root)},format=raw,if=none,id=root,readonly=on`],
    ['-device', 'virtio-blk-pci,drive=root'],
    // unsafe: QEMU hands writes to the host without waiting for its disk; only a crash of the host loses them.
    ['-drive', `file=${file('disk')},format=qcow2,if=none,id=data,cache=unsafe`],
    ['-device', 'virtio-blk-pci,drive=data'],
    // restrict: the board reaches neither the host nor the network behind it.
    ['-netdev', `user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:${setup.sshPort}-:22${served(setup)}`],
    ['-device', `virtio-net-pci,netdev=n0,id=${DEVICE.nic},romfile=`],
    ['-chardev', `pty,id=${DEVICE.console},logfile=${file('consoleLog')},logappend=on`],
    ['-serial', `chardev:${DEVICE.console}`],
    ['-device', 'virtio-rng-pci', '-device', 'qemu-xhci,id=usb'],
    ['-device', 'virtio-serial-pci', '-chardev', `socket,id=air,path=${file('air')},server=on,wait=off`],
    ['-device', `virtserialport,chardev=air,name=${AIR_PORT}`],
    machine.devices.flatMap((device) => ['-device', device]),
    // By default QEMU would end in the middle of a panic's text.
    ['-action', 'panic=none', '-action', 'watchdog=reset'],
    ['-fw_cfg', `name=opt/hil/hostname,file=${file('hostname')}`],
    ['-fw_cfg', `name=opt/hil/host_key,file=${file('hostKey')}`],
    ['-fw_cfg', `name=opt/hil/authorized_keys,file=${quoted(setup.authorizedKeysPath)}`],
  ].flat();
}

/** QEMU itself starts the kernel. */
function underLinux({ image, kind }: QemuSetup): string[] {
  return [
    '-kernel',
    image.kernel,
    '-initrd',
    image.initrd,
    '-append',
    kind.machine.kernelArguments.join(' '),
  ];
}

/** The flash can't be written to: this build of U-Boot fails at that anyway, and snapshots would not take it. */
function underUBoot(flash: string): string[] {
  return ['-bios', U_BOOT, '-drive', `if=pflash,format=raw,index=1,file=${flash},readonly=on`];
}

/** U-Boot finds kernel and initrd on QEMU's own TFTP server. */
function served({ dir, kind }: QemuSetup): string {
  return kind.machine.firmware === 'u-boot' ? `,tftp=${quoted(join(dir, BOARD_FILES.tftp))}` : '';
}

/** A value inside a comma-separated option of QEMU. */
function quoted(value: string): string {
  return value.replaceAll(',', ',,');
}
