/** Crash reports as kernels print them, generated from their formats. */

const MODULE = 'wlan_demo';

/** A call stack of x86, with frames that were only found on the stack. */
export function stack(frames: readonly string[]): string[] {
  return [
    'Call Trace:',
    ' <TASK>',
    ...frames.flatMap((name, at) => [` ${name}+0x${(16 + at).toString(16)}/0x90`, ' ? left_over+0x1/0x10']),
    ' </TASK>',
  ];
}

export function registers(place: string): string[] {
  return [
    `RIP: 0010:${place}+0x1c/0x40 [${MODULE}]`,
    'Code: 48 89 e5 <0f> 0b 5d c3 66 0f 1f 44 00 00 0f 1f 44 00 00 55 48 89 e5',
    'RSP: 0018:ffffa1b2c3d4e5f6 EFLAGS: 00010246',
    'RAX: 0000000000000000 RBX: ffff888001234000 RCX: 0000000000000001',
    'CR2: 0000000000000010 CR3: 0000000001234000 CR4: 00000000000006f0',
  ];
}

export function who(taint = 'Not tainted'): string[] {
  return [
    `CPU: 1 PID: 412 Comm: iw worker ${taint} 6.1.0-9-demo #1  Demo 6.1`,
    'Hardware name: Demo Board, BIOS 1.0',
  ];
}

export const CALLERS = ['demo_tx', 'demo_queue', 'demo_ioctl', 'vfs_ioctl', 'ksys_ioctl', 'deeper'];

export function oops(
  options: { place?: string; taint?: string; callers?: readonly string[] } = {},
): string[] {
  const { place = 'demo_start', taint = 'Tainted: G        W  OE    ', callers = CALLERS } = options;
  return [
    'BUG: kernel NULL pointer dereference, address: 0000000000000010',
    '#PF: supervisor read access in kernel mode',
    '#PF: error_code(0x0000) - not-present page',
    'PGD 0 P4D 0 ',
    'Oops: 0000 [#1] PREEMPT SMP NOPTI',
    ...who(taint),
    ...registers(place),
    ...stack(['exc_page_fault', 'asm_exc_page_fault', place, ...callers]),
    `Modules linked in: ${MODULE}(OE) mac80211 cfg80211`,
    'CR2: 0000000000000010',
    '---[ end trace 0000000000000000 ]---',
    ...registers(place),
  ];
}

export const FATAL = [
  'Kernel panic - not syncing: Fatal exception',
  'Kernel Offset: 0x1000000 from 0xffffffff81000000',
  '---[ end Kernel panic - not syncing: Fatal exception ]---',
];

export function warn(
  first = 'WARNING: CPU: 1 PID: 412 at drivers/demo/main.c:77 demo_start+0x1c/0x40 [wlan_demo]',
): string[] {
  return [
    '------------[ cut here ]------------',
    'demo: queue 3 is not empty',
    first,
    `Modules linked in: ${MODULE}`,
    ...who(),
    ...registers('demo_start'),
    ...stack([
      '__warn',
      'report_bug',
      'handle_bug',
      'exc_invalid_op',
      'asm_exc_invalid_op',
      'demo_start',
      ...CALLERS,
    ]),
    '---[ end trace 0000000000000000 ]---',
  ];
}

/** Lines with the stamps of a kernel and, where wanted, who printed them. */
export function stamped(lines: readonly string[], caller = '', fromS = 100): string[] {
  return lines.map((line, at) => `[${(fromS + at / 1000).toFixed(6).padStart(12)}]${caller} ${line}`);
}

export function numbered(lines: readonly string[]): { text: string; line: number }[] {
  return lines.map((text, at) => ({ text, line: at + 1 }));
}
