/** Boots as data: their stages, how each shows itself, and the lines by which they say that they can't go on. */

import { BANNERS } from '../../kernel/banner.ts';

/** From power to a login, in their order. */
export const STAGES = [
  'silent',
  'firmware',
  'bootloader',
  'kernel',
  'initramfs',
  'userland',
  'login',
] as const;
export type Stage = (typeof STAGES)[number];

/** How each stage shows itself; a stage once left comes back only by a reset. */
export const SIGNS: readonly { stage: Stage; literal: string; pattern?: RegExp }[] = [
  ...BANNERS,
  { stage: 'firmware', literal: 'DDR ', pattern: /^DDR (?:V|Version)/ },
  { stage: 'bootloader', literal: 'GNU GRUB' },
  // A kernel that stamps no times.
  { stage: 'kernel', literal: 'Linux version ' },
  { stage: 'initramfs', literal: 'Run /init as init process' },
  { stage: 'initramfs', literal: 'Loading, please wait...' },
  { stage: 'userland', literal: 'as init process', pattern: /Run \/(?:s?bin|usr|etc)\S* as init process/ },
  { stage: 'userland', literal: 'systemd[1]: ' },
  { stage: 'userland', literal: 'procd: - ' },
  { stage: 'userland', literal: 'INIT: version' },
];

export interface Stop {
  /** Whose fault, as far as one line tells. */
  fault: 'product' | 'lab' | 'config';
  /** A sentence without its subject. */
  why: string;
  next: string;
}

/** Lines by which loaders, kernels and init systems say that they can't go on. */
export const STOPS: readonly ({ literal: string; pattern?: RegExp; stage: Stage } & Stop)[] = [
  {
    literal: 'BOOTP broadcast 6',
    stage: 'bootloader',
    fault: 'lab',
    why: 'no DHCP answer',
    next: 'check its cable and the DHCP server of its network',
  },
  {
    literal: 'Retry time exceeded',
    stage: 'bootloader',
    fault: 'lab',
    why: 'no answer from the network',
    next: 'check its cable, serverip, and the DHCP and TFTP servers',
  },
  {
    literal: 'ARP Retry count exceeded',
    stage: 'bootloader',
    fault: 'lab',
    why: 'the TFTP server does not answer ARP',
    next: 'check serverip, ipaddr and the cable',
  },
  {
    literal: 'TFTP server died',
    stage: 'bootloader',
    fault: 'lab',
    why: 'the TFTP server fell silent',
    next: 'check the TFTP server and its firewall',
  },
  {
    literal: "TFTP error: '",
    pattern: /TFTP error: '.*' \(1\)/,
    stage: 'bootloader',
    fault: 'config',
    why: 'the TFTP server has no such file',
    next: 'check the name of the file',
  },
  {
    literal: 'Failed to load ',
    stage: 'bootloader',
    fault: 'config',
    why: 'the boot medium has no such file',
    next: 'check the name of the file, and the partition',
  },
  {
    literal: ' Storage Device(s) found',
    pattern: /\b0 Storage Device\(s\) found/,
    stage: 'bootloader',
    fault: 'lab',
    why: 'the boot loader finds no USB stick',
    next: 'plug it in; does this boot loader know its USB controller?',
  },
  {
    literal: 'Unknown command ',
    stage: 'bootloader',
    fault: 'config',
    why: 'this boot loader lacks a command for that',
    next: 'load the files in another way, or build its boot loader with that command',
  },
  {
    literal: 'HTTP/1.1 404',
    stage: 'bootloader',
    fault: 'config',
    why: 'the HTTP server has no such file',
    next: 'check the name of the file',
  },
  {
    literal: 'TFTP error:',
    stage: 'bootloader',
    fault: 'lab',
    why: 'the TFTP server refused',
    next: 'see the line before',
  },
  {
    literal: 'No ethernet found',
    stage: 'bootloader',
    fault: 'lab',
    why: 'the boot loader finds no network',
    next: 'plug it in; does this boot loader know its network chip?',
  },
  {
    literal: 'Bad Linux ARM64 Image magic',
    stage: 'bootloader',
    fault: 'config',
    why: 'what was loaded is no arm64 kernel',
    next: 'give the Image of the right architecture',
  },
  {
    literal: 'zimage: Bad magic',
    stage: 'bootloader',
    fault: 'config',
    why: 'what was loaded is no zImage',
    next: 'give the zImage of the right architecture',
  },
  {
    literal: 'Wrong Image Format for boot',
    stage: 'bootloader',
    fault: 'config',
    why: 'what was loaded is no image that it boots',
    next: 'use the boot command that fits the image',
  },
  {
    literal: "can't get kernel image",
    stage: 'bootloader',
    fault: 'config',
    why: 'there is no kernel image where it should be',
    next: 'check the address it was loaded to',
  },
  {
    literal: 'Bad Data CRC',
    stage: 'bootloader',
    fault: 'lab',
    why: 'the image is damaged',
    next: 'load it again; check flash and network',
  },
  {
    literal: 'Could not find a valid device tree',
    stage: 'bootloader',
    fault: 'config',
    why: 'no device tree',
    next: 'give one, or its address',
  },
  {
    literal: 'Did not find a cmdline Flattened Device Tree',
    stage: 'bootloader',
    fault: 'config',
    why: 'no device tree',
    next: 'give one, or its address',
  },
  {
    literal: 'No bootable device',
    stage: 'firmware',
    fault: 'lab',
    why: 'no boot medium',
    next: 'check disk, card or network boot',
  },
  {
    literal: 'error: unknown filesystem',
    stage: 'bootloader',
    fault: 'lab',
    why: 'GRUB can not read its disk',
    next: 'check the disk',
  },
  {
    literal: 'VFS: Unable to mount root fs',
    stage: 'kernel',
    fault: 'config',
    why: 'the root file system was not found',
    next: 'check root= and the drivers of its disk',
  },
  {
    literal: 'Waiting for root device',
    stage: 'kernel',
    fault: 'config',
    why: 'waits for its root device',
    next: 'check root= and the disk',
  },
  {
    literal: 'No working init found',
    stage: 'kernel',
    fault: 'config',
    why: 'no init in the root file system',
    next: 'check the root file system',
  },
  {
    literal: 'Kernel panic - not syncing',
    stage: 'kernel',
    fault: 'product',
    why: 'the kernel panicked',
    next: 'see the lines before',
  },
  {
    literal: 'ALERT!',
    stage: 'initramfs',
    fault: 'lab',
    why: 'the initramfs does not find its root disk',
    next: 'check root= and the disk',
  },
  {
    literal: '(initramfs)',
    stage: 'initramfs',
    fault: 'lab',
    why: 'stopped in the shell of the initramfs',
    next: 'see the lines before',
  },
  {
    literal: 'You are in emergency mode',
    stage: 'userland',
    fault: 'lab',
    why: 'is in emergency mode',
    next: 'see journalctl -xb on its console',
  },
  {
    literal: 'Press the [f] key and hit [enter] to enter failsafe mode',
    stage: 'userland',
    fault: 'lab',
    why: 'offers its failsafe mode',
    next: 'wait, or see the lines after',
  },
];

/** What no line alone says. */
export const AT: Readonly<Record<Stage, { where: string } & Stop>> = {
  silent: {
    where: 'its console has been silent since power on',
    fault: 'lab',
    why: 'no power, no console, or nothing to boot',
    next: 'check power, console cable and baud rate',
  },
  firmware: {
    where: 'stuck in its firmware',
    fault: 'lab',
    why: 'no boot loader came',
    next: 'check the boot medium',
  },
  bootloader: {
    where: 'stuck in its boot loader',
    fault: 'lab',
    why: 'it started no kernel',
    next: 'see what it prints; hil console',
  },
  kernel: {
    where: 'the kernel started, but no init',
    fault: 'product',
    why: 'it stands still',
    next: 'see its last lines',
  },
  initramfs: {
    where: 'stuck in its initramfs',
    fault: 'lab',
    why: 'the root file system did not come',
    next: 'check root= and the disk',
  },
  userland: {
    where: 'its init runs, but no login came',
    fault: 'lab',
    why: 'a service may hold it up',
    next: 'see its last lines; is a getty on this console?',
  },
  login: {
    where: 'it shows a login prompt',
    fault: 'lab',
    why: 'but does not answer by SSH',
    next: 'check its network, its SSH server and its address in the lab file',
  },
};
