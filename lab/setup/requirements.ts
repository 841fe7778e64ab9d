/** What the lab machine must have: a table of programs, each with the Debian package it comes from and its use. */

import { U_BOOT } from '../virtual/u-boot.ts';

export interface Requirement {
  /** Looked for in PATH and the sbin folders; a file where it is an absolute path. */
  program: string;
  /** Debian package that has it. */
  package: string;
  why: string;
  /** Boards can be driven without it. */
  testsOnly?: true;
}

export const REQUIREMENTS: readonly Requirement[] = [
  { program: 'qemu-system-x86_64', package: 'qemu-system-x86', why: 'runs the virtual boards' },
  { program: 'qemu-img', package: 'qemu-utils', why: 'makes the disks of virtual boards' },
  { program: 'mksquashfs', package: 'squashfs-tools', why: 'packs the root file system of the board image' },
  { program: 'mke2fs', package: 'e2fsprogs', why: 'formats the data disk of the board image' },
  { program: 'xz', package: 'xz-utils', why: 'unpacks kernel modules for the board image' },
  { program: 'tar', package: 'tar', why: 'unpacks Debian packages into the board image' },
  { program: 'apt-get', package: 'apt', why: 'downloads the packages of the board image' },
  { program: 'dpkg-deb', package: 'dpkg', why: 'opens the packages of the board image' },
  { program: 'flock', package: 'util-linux', why: 'keeps a second controller from the same boards' },
  { program: 'setpriv', package: 'util-linux', why: 'ends a run whose parent was killed' },
  {
    program: 'ssh-keygen',
    package: 'openssh-client',
    why: 'the benchmark compares with it',
    testsOnly: true,
  },
  {
    program: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    why: 'runs virtual arm64 boards',
    testsOnly: true,
  },
  { program: U_BOOT, package: 'u-boot-qemu', why: 'starts virtual arm64 boards', testsOnly: true },
  {
    program: 'mkimage',
    package: 'u-boot-tools',
    why: 'tests make images that U-Boot boots',
    testsOnly: true,
  },
  { program: 'ps', package: 'procps', why: 'tests look whether processes are left over', testsOnly: true },
  { program: 'pdudaemon', package: 'pdudaemon', why: 'tests switch power by it', testsOnly: true },
  { program: 'snmpd', package: 'snmpd', why: 'tests switch a PDU that it plays', testsOnly: true },
  {
    ...{ program: 'chromium-headless-shell', package: 'chromium-headless-shell' },
    ...{ why: 'tests look at the time-line page', testsOnly: true },
  },
  { program: 'mosquitto', package: 'mosquitto', why: 'tests switch power by MQTT', testsOnly: true },
  {
    program: 'socat',
    package: 'socat',
    why: 'tests of the serial console make pairs of terminals',
    testsOnly: true,
  },
  {
    program: 'ser2net',
    package: 'ser2net',
    why: 'tests of consoles behind a terminal server',
    testsOnly: true,
  },
];

/** The packages of the missing programs, each once, in the order of the table. */
export function packagesOf(missing: readonly Requirement[]): string[] {
  return [...new Set(missing.map((requirement) => requirement.package))];
}
