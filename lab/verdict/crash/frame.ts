/** Frames of kernel stacks, of all the forms in which architectures and versions print them. */

export interface Frame {
  /** Without offset and without the suffixes of the compiler. */
  name: string;
  module: string | null;
  /** Found on the stack, but not known to be called (`? func`). */
  unreliable: boolean;
}

const SYMBOL = String.raw`[A-Za-z_$][\w.$]{0,127}`;
const OFFSET = String.raw`\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?`;
const MODULE = String.raw`(?: {1,2}\[([\w-]+)[^\]]{0,80}\])?`;
const ADDRESS = String.raw`\[?<?(?:0x)?[0-9a-f]{8,16}>?\]?`;

/** `func+0x1/0x2 [mod]`, `? func+0x1/0x2`, `[<c0101010>] func+0x1/0x2`, `[c0101010] [c0202020] func+0x1/0x2`. */
const PLAIN = new RegExp(
  String.raw`^(?:${ADDRESS} ){0,2}(?:\((\?)?\) )?(\? )?\(?(${SYMBOL})${OFFSET}${MODULE}`,
);
/** arm: `[<c0101010>] (func [mod]) from [<c0202020>] (other+0x1/0x2)`, ` func [mod] from other+0x1/0x2`. */
const FROM = new RegExp(String.raw`^(?:${ADDRESS} )?\(?(${SYMBOL})(?:${OFFSET})?${MODULE}\)? from `);
/** scripts/decode_stacktrace.sh: `? func (drivers/a.c:12 drivers/b.c:3) mod`. */
const DECODED = new RegExp(
  String.raw`^(\? )?(${SYMBOL}) \((?:[\w./-]{1,200}:\d+|\?\?:\?)[^)]{0,400}(?:\(discriminator \d+\)[^)]{0,400})*\) ?([\w-]+)?`,
);
/** Where the processor was: x86, i386, arm64, arm, mips and riscv, powerpc. Not in user mode. */
const COUNTER = /^(?:(?:RIP: )?0010:|RIP {1,2}\[|EIP: |pc : |PC is at |e?pc *: |NIP )/;
const COUNTER_WORDS = new RegExp(
  String.raw`^(?:(?:RIP: )?0010:|RIP |EIP: |pc : |PC is at |e?pc *: |NIP )(?:00\w\w:)? *(?:${ADDRESS} *){0,2}`,
);

/**
 * Functions that are on the stack of any crash of their kind: they report it, catch it, or called what failed from the
 * outside. They tell nothing of its place.
 */
const GENERIC = new RegExp(
  `^(?:${[
    '_*dump_stack\\w*|show_stack|show_regs|unwind_backtrace|dump_backtrace\\w*',
    '__warn\\w*|warn_slowpath\\w*|warn_alloc|report_bug|handle_bug|bug_handler|\\w*call_break_hook|\\w*_handler_found',
    'v?panic|nmi_panic|_*die|__die_\\w+|die_\\w+|oops_\\w+|arm64_notify_die|crash_kexec|arm_notify_die',
    'asm_(?:exc|sysvec|common)_\\w+|exc_\\w+|sysvec_\\w+|do_error_trap|do_trap|do_invalid_op|invalid_op|general_protection',
    '(?:__)?do_page_fault|page_fault\\w*|no_context|\\w*bad_area\\w*|kernelmode_fixup_or_oops|search_\\w+|fixup_\\w+',
    'do_(?:user|kern)_addr_fault|do_(?:mem|data|prefetch|sp_pc)_abort|do_DataAbort|do_PrefetchAbort|do_translation_fault',
    '__do_kernel_fault|do_undefinstr|brk_handler|do_debug_exception|el[01]h?_\\w+|el[01]t?_\\w+|do_el[01]_\\w+',
    '__(?:dabt|pabt|und|irq)_(?:svc|usr)|__(?:dabt|irq)_\\w+',
    '_*kasan_\\w+|__asan_\\w+|kfence_\\w+|print_report|print_address_description\\w*|_*ubsan_\\w+|check_region\\w*',
    'entry_SYSCALL\\w*|entry_\\w+|do_syscall_\\w+|do_int80\\w*|syscall_\\w+|x64_sys_call|invoke_syscall\\w*|ret_fast_syscall',
    'ret_from_\\w+|kthread|process_one_work|process_scheduled_works|worker_thread|kernel_thread_helper',
    'print_\\w*(?:bug|usage|lock|inversion|dependency|context)\\w*|check_(?:noncircular|prev_add|prevs_add|deadlock)',
    'validate_chain|mark_lock\\w*|__lock_acquire|lock_acquire|lockdep_\\w+|register_lock_class|debug_\\w+',
    '_*might_(?:sleep|resched|fault)|__schedule_bug|__schedule|schedule|schedule_\\w+|io_schedule\\w*|preempt_schedule\\w*',
    'watchdog_\\w+|__hrtimer_run_queues|hrtimer_interrupt|\\w*apic_timer_interrupt|update_process_times|tick_\\w+',
    'rcu_\\w+|trigger_\\w+|nmi_\\w+|__handle_irq_event_percpu|handle_\\w*irq\\w*|generic_handle_\\w+',
    'dump_header|oom_kill_process|out_of_memory|__alloc_pages\\w*|alloc_pages\\w*|bad_page\\w*',
    'refcount_warn_saturate|__list_(?:add|del)\\w*valid\\w*|skb_panic|skb_over_panic|skb_under_panic|fortify_panic',
    'delay_\\w+|__?const_udelay|__udelay|_*cpu_relax|native_\\w+|ktime_get\\w*|\\w+_return_thunk',
  ].join('|')})$`,
);

const SUFFIX = /(?:\.(?:isra|constprop|part|cold|lto_priv|llvm|localalias)(?:\.\d+)*)+$/;

/** The frame on a line of a stack (without stamp); null where it is none. */
export function frameOf(message: string): Frame | null {
  const text = message.trim();
  const plain = PLAIN.exec(text);
  if (plain) return frame(plain[3], plain[4], plain[1] !== undefined || plain[2] !== undefined);
  const from = FROM.exec(text);
  if (from) return frame(from[1], from[2], false);
  const decoded = DECODED.exec(text);
  return decoded ? frame(decoded[2], decoded[3], decoded[1] !== undefined) : null;
}

/** Where the processor was, of a line of registers; null where it says nothing of that. */
export function counterOf(message: string): Frame | null {
  const text = message.trim();
  if (!COUNTER.test(text)) return null;
  return frameOf(text.replace(COUNTER_WORDS, ''));
}

/** Whether a function tells where a crash is. */
export function isMeaningful(name: string): boolean {
  return !GENERIC.test(name);
}

function frame(name = '', module: string | undefined, unreliable: boolean): Frame {
  return { name: name.replace(SUFFIX, ''), module: module ?? null, unreliable };
}
