/** Modules that the kernel does not take, or that are not there, as the kernel and the tools tell it. */
import type { Signature } from './signature.ts';

const MISMATCH = {
  class: 'module-mismatch',
  blame: 'config',
  role: 'root',
  meaning: 'The module was built for another kernel',
  next: 'Compare modinfo -F vermagic with uname -r, and build it against the headers of just this kernel',
} satisfies Partial<Signature>;

const REJECTED = {
  class: 'module-mismatch',
  blame: 'config',
  role: 'root',
  meaning: 'The kernel takes signed modules only, and this one is not signed with a key it knows',
  next: 'Sign the module with a key that is enrolled (mokutil --import), or turn Secure Boot off on the test board',
} satisfies Partial<Signature>;

export const module: readonly Signature[] = [
  {
    ...MISMATCH,
    id: 'module/version-magic',
    literals: [': version magic '],
    pattern: /(?<![\w-])(?<module>[\w-]{1,60}): version magic '[^'\n]{0,160}' should be '/,
    source: 'kernel/module/main.c',
  },
  {
    ...MISMATCH,
    id: 'module/symbol-version',
    literals: [': disagrees about version of symbol '],
    pattern: /(?<![\w-])(?<module>[\w-]{1,60}): disagrees about version of symbol (?<reason>\w{1,120})/,
    meaning: 'The module was built against another configuration or source of the kernel',
    next: 'Build it again with the Module.symvers of the running kernel',
    source: 'kernel/module/version.c',
  },
  {
    ...MISMATCH,
    id: 'module/unknown-symbol',
    literals: [': Unknown symbol '],
    pattern: /(?<![\w-])(?<module>[\w-]{1,60}): Unknown symbol (?<reason>\w{1,120}) \(err -?(?<errno>\d+)\)/,
    role: 'symptom',
    meaning: 'The module needs a function that the kernel and its modules do not have',
    next: 'modinfo -F depends, and load it by modprobe rather than insmod; then check the configuration of the kernel',
    when: [
      { group: 'errno', is: ['0'], means: { role: 'benign' } },
      {
        group: 'errno',
        is: ['22'],
        means: {
          role: 'consequence',
          meaning: 'A function of the kernel is not the one the module was built for',
        },
      },
    ],
    source: 'kernel/module/main.c',
  },
  {
    ...MISMATCH,
    id: 'module/struct-size',
    literals: [
      ".gnu.linkonce.this_module section size must match the kernel's",
      'exports duplicate symbol ',
      'Unknown rela relocation: ',
      'unknown relocation: ',
      'Skipping invalid relocation target',
      'overflow in relocation type ',
      'Invalid ELF header',
    ],
    pattern:
      /(?<![\w-])(?<module>[\w-]{1,60}): (?:\.gnu\.linkonce|exports duplicate symbol|[Uu]nknown (?:rela )?relocation|overflow in relocation|Invalid ELF|Skipping invalid)|Skipping invalid relocation target/,
    meaning: 'The module does not fit the running kernel',
    source: 'kernel/module/main.c, arch/*/kernel/module.c',
  },
  {
    ...MISMATCH,
    id: 'module/btf',
    literals: ['failed to validate module ['],
    pattern: /failed to validate module \[(?<module>[\w-]{1,60})\] BTF: -?(?<errno>\d+)/,
    meaning: 'The type data of the module are not those of the running kernel',
    source: '5.17 kernel/bpf/btf.c',
  },
  {
    ...REJECTED,
    id: 'module/lockdown',
    literals: [
      'unsigned module loading is restricted',
      'Loading of unsigned module is rejected',
      'Loading of module with un',
    ],
    pattern:
      /unsigned module loading is restricted|Loading of (?:unsigned module|module with un\w{1,20} \w{1,20}) is rejected/,
    source: 'security/lockdown/lockdown.c, kernel/module/signing.c',
  },
  {
    ...REJECTED,
    id: 'module/key-rejected',
    literals: ['Key was rejected by service', 'Required key not available'],
    pattern:
      /(?:insert|load module|init_module)[^\n]{0,80}: (?:Key was rejected by service|Required key not available)/,
    source: 'kmod: insmod, modprobe',
  },
  {
    ...MISMATCH,
    id: 'module/invalid-format',
    literals: ['Invalid module format', 'invalid module format', 'Exec format error'],
    pattern: /(?:insert|load module|init_module)[^\n]{0,80}: (?:[Ii]nvalid module format|Exec format error)/,
    role: 'symptom',
    next: 'Read what the kernel logs of it (dmesg | tail); compare modinfo -F vermagic with uname -r',
    source: 'kmod, BusyBox: insmod, modprobe',
  },
  {
    ...MISMATCH,
    id: 'module/unknown-symbol-told',
    literals: ['Unknown symbol in module', 'unknown symbol in module'],
    pattern: null,
    role: 'consequence',
    meaning:
      'The module needs a function that the kernel and its modules do not have, or knows no such parameter',
    next: 'Read what the kernel logs of it (dmesg | tail)',
    source: 'kmod, BusyBox: insmod, modprobe',
  },
  {
    id: 'module/not-installed',
    literals: [
      ' not found in directory /lib/modules',
      'not found in modules.dep',
      'failed to find a module named ',
    ],
    pattern:
      /[Mm]odule (?<module>[\w-]{1,60}) not found in|failed to find a module named (?<name>[\w-]{1,60})/,
    class: 'no-driver',
    blame: 'config',
    role: 'root',
    meaning: 'The module is not installed for the running kernel',
    next: 'uname -r, then find /lib/modules -name "<module>*"; install the package of modules of this kernel, depmod -a',
    source: 'kmod, BusyBox: modprobe; ubox: kmodloader',
  },
  {
    id: 'module/no-device',
    literals: [': No such device', ': no such device'],
    pattern: /(?:could not insert|can't insert|can't load module) [^\n]{0,120}: [Nn]o such device/,
    class: 'no-driver',
    blame: 'lab',
    role: 'symptom',
    meaning: 'The driver finds none of the hardware it is for',
    next: 'lsusb -t or lspci -nnk: is the device there, and is it the one the test is for',
    source: 'kmod, BusyBox: insmod, modprobe',
  },
  {
    id: 'module/unsigned',
    literals: ['module verification failed: signature', 'no symbol version for '],
    pattern: null,
    class: 'benign',
    blame: 'benign',
    role: 'benign',
    meaning: 'The module is not signed, which only taints the kernel',
    next: 'Nothing to do',
    source: 'kernel/module/main.c',
  },
  {
    id: 'module/optional',
    literals: ["Failed to insert module '", "Failed to find module '"],
    pattern:
      /Failed to (?:insert|find) module '(?:autofs4|ip_tables|ip6_tables|ipv6|unix|fuse|efi_pstore|configfs|dm_mod|loop|virtio_rng|vmw_vsock\w*|kdbus|msr|lp|ppdev|parport_pc)'/,
    class: 'benign',
    blame: 'benign',
    role: 'benign',
    meaning: 'A module that is optional is built in or not there',
    next: 'Nothing to do',
    source: 'systemd',
  },
];
