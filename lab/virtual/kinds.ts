/** The kinds of virtual boards: what the image of each is made of, and the machine that boots it. Data only. */
import { ConfigError } from '../errors.ts';
import { type Recipe, SHARED } from './recipe.ts';

export interface Machine {
  /** QEMU's program, and the Debian package that has it. */
  qemu: string;
  package: string;
  /** QEMU's name of the machine, and the processors it gets where it is emulated. */
  machine: string;
  emulatedCpu: string;
  /** A lab machine of this architecture (Node's name) can run it under KVM. */
  kvmOn: NodeJS.Architecture | null;
  memoryMiB: number;
  /** U-Boot fetches the kernel over TFTP; otherwise QEMU puts kernel and initrd in place itself. */
  firmware: 'u-boot' | null;
  /** Kernel command line. */
  kernelArguments: readonly string[];
  /** Devices that only this machine has. */
  devices: readonly string[];
}

export interface BoardKind {
  name: string;
  recipe: Recipe;
  machine: Machine;
  /** Form in which its SSH server reads its host key. */
  hostKey: 'openssh' | 'dropbear';
}

/** Wi-Fi and traffic tools that the suites need, on any board. */
const RADIO = ['dnsmasq-base', 'hostapd', 'iperf3', 'iproute2', 'iw', 'wireless-regdb', 'wpasupplicant'];
const DEBIAN = [
  ...['bash', 'busybox-static', 'dash', 'ethtool', 'kmod', 'openssh-server'],
  ...['procps', 'rfkill', 'tcpdump', 'udev'],
];

/** OpenSSH, bash, udev: a small Debian. */
const FULL = {
  packages: [...DEBIAN, ...RADIO],
  only: { coreutils: ['./usr/bin/stdbuf', './usr/libexec/coreutils/libstdbuf.so'] },
  rootfs: ['common', 'full'],
  shell: 'dash',
  initrdFiles: [],
} as const satisfies Partial<Recipe>;

const X86_MODULES = ['pvpanic-pci', 'i6300esb', 'aesni-intel'];
const X86 = {
  architecture: 'amd64',
  kernel: 'linux-image-amd64',
  kernelFormat: 'bzimage',
  console: 'ttyS0',
} as const satisfies Partial<Recipe>;

/**
 * Interfaces keep the names their drivers give them. Programs lie at the same addresses each time, so that what QEMU has
 * translated of them serves again: a program starts in a third of the time.
 */
const KERNEL_ARGUMENTS = ['net.ifnames=0', 'norandmaps', 'sysrq_always_enabled=1'];

const ARM64 = {
  architecture: 'arm64',
  kernel: 'linux-image-arm64',
  kernelFormat: 'arm64-image',
  console: 'ttyAMA0',
} as const satisfies Partial<Recipe>;

/** Where the crash log survives a reset: 1 MiB at 96 MiB, kept from the kernel's own use. */
const X86_RAMOOPS = [
  'memmap=1M$0x6000000',
  'ramoops.mem_address=0x6000000',
  'ramoops.mem_size=0x100000',
  'ramoops.record_size=0x10000',
];

const PC: Machine = {
  qemu: 'qemu-system-x86_64',
  package: 'qemu-system-x86',
  machine: 'q35',
  // rdrand saves a second of waiting for entropy.
  emulatedCpu: 'qemu64,+rdrand',
  kvmOn: 'x64',
  memoryMiB: 128,
  firmware: null,
  kernelArguments: ['console=ttyS0', ...KERNEL_ARGUMENTS, ...X86_RAMOOPS],
  devices: ['i6300esb', 'pvpanic-pci'],
};

const ARM64_VIRT: Machine = {
  qemu: 'qemu-system-aarch64',
  package: 'qemu-system-arm',
  machine: 'virt',
  // Not max: the pointer authentication it emulates takes most of the processor.
  emulatedCpu: 'cortex-a53',
  kvmOn: null,
  memoryMiB: 256,
  firmware: 'u-boot',
  kernelArguments: ['console=ttyAMA0', ...KERNEL_ARGUMENTS],
  devices: [],
};

const LIST: readonly BoardKind[] = [
  {
    name: 'virtual',
    recipe: { ...SHARED, ...FULL, ...X86, modules: [...SHARED.modules, ...X86_MODULES] },
    machine: PC,
    hostKey: 'openssh',
  },
  {
    name: 'virtual-arm64',
    recipe: { ...SHARED, ...FULL, ...ARM64 },
    machine: ARM64_VIRT,
    hostKey: 'openssh',
  },
  {
    name: 'virtual-small',
    recipe: {
      ...SHARED,
      ...X86,
      // iproute2: BusyBox's ip knows no network namespaces. Not busybox-static: its shell would take its own ip all the same.
      packages: ['busybox', 'dropbear-bin', ...RADIO],
      skip: [...SHARED.skip, 'coreutils', 'dash', 'kmod', 'udev'],
      only: {},
      rootfs: ['common', 'small'],
      shell: 'busybox',
      initrdFiles: [
        'lib64/ld-linux-x86-64.so.2',
        'lib/x86_64-linux-gnu/libc.so.6',
        'lib/x86_64-linux-gnu/libresolv.so.2',
      ],
      modules: [...SHARED.modules, ...X86_MODULES],
    },
    machine: PC,
    hostKey: 'dropbear',
  },
];

export const KINDS: Readonly<Record<string, BoardKind>> = Object.fromEntries(
  LIST.map((kind) => [kind.name, kind]),
);
export const DEFAULT_KIND = 'virtual';

/** Throws ConfigError with the kinds there are when there is none of this name. */
export function kindOf(name: string): BoardKind {
  const kind = KINDS[name];
  if (kind !== undefined) return kind;
  throw new ConfigError(`there is no kind of virtual board "${name}"`, {
    code: 'unknown-kind',
    hint: `there are ${Object.keys(KINDS).join(', ')}`,
  });
}
