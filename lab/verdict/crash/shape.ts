/** The shapes of lines that only crash reports have between their first and last line. */
import { frameOf } from './frame.ts';

/** Beginnings of lines, by what prints them; the order does not matter. */
const BEGINNINGS = [
  // Registers and memory of x86.
  'RIP:|RSP:|EIP:|ESP:|R[A-Z0-9]{2} ?:|E[A-Z]{2}: |[CDEFG]S: |CR[0-9]:|DR[0-9]:|PKRU:|FS:|EFLAGS|Code: |PGD |P4D |PUD |#PF:|\\*pd',
  // arm64, arm.
  'pstate: |pc : |lr : |sp : |x\\d+ ?: |r\\d+ ?: |PC is at|LR is at|psr: |xPSR|Flags: |Control: |pmr_save|pgd = |\\[[0-9a-f]+\\] (?:\\*|pgd|address)',
  'Mem abort info|ESR ?=|EC ?=|SET ?=|EA ?=|FSC ?=|Data abort info|ISV ?=|CM ?=|GCS ?=|TnD|Exception class|(?:user|swapper) pgtable|Register r\\d+ info|Exception stack|Function entered at',
  'Stack: |Stack :|Stack\\(|Process \\S.* \\(pid: |Backtrace:|KASLR|Insufficient stack|Task stack|IRQ stack|Overflow stack',
  // mips, riscv, powerpc.
  '\\$ ?\\d+ ?:|Hi ?:|Lo ?:|epc ?:|ra ?:|gp ?:|[ast]\\d+ ?:|tp ?:|status: |Status: |Cause ?:|BadVA ?:|PrId ?:|Not tainted|NIP|LR |MSR:|CFAR:|GPR\\d\\d:|REGS:|TRAP:|CTR:|Call Trace|Call trace|Instruction dump',
  // All.
  'CPU: ?\\d|CPU \\d+ is|Modules linked in:|Hardware name:|Workqueue: |Tainted: |</?[A-Z_#]{2,12}>|Oops|Internal error|note: |Disabling lock debugging|Unloaded tainted modules|last unloaded|irq event stamp|hardirqs last|softirqs last|Kernel Offset|Preemption disabled|INFO: lockdep is turned off',
  'SMP: |CPU features|Memory Limit|PHYS_OFFSET|Rebooting in|ACPI MEMORY or|---\\[|-{4,}\\[ end|={20,}|-{20,}|-{4}|Dumping ftrace|Fixing recursive fault|Trying to |Sending NMI|NMI backtrace|Kernel panic|watchdog: |Stopper|Shutting down cpus',
  // Scheduler, RCU, hung tasks.
  'task:|"echo 0 >|in_atomic|preempt_count|RCU nest|rcu: |\\(detected by|\\(t=|\\d+-[.!?oONLDHI]+:|Tasks blocked|\\d+ locks? held by|#\\d+: |Showing all locks|Showing busy|workqueue |pool |pwq|in-flight|pending:|blocked by|INFO: ',
  // Sanitizers and memory.
  'Read |Write |The buggy|Memory state|Allocated by|Freed by|Last potentially|Second to last|which belongs|located |page:|head:|raw:|flags: |page dumped|page_type|page allocated|page last|>?ffff|Object |Redzone|Padding|Slab 0x|allocated by|freed by|kfence-|shift exponent|index \\d+|load of|member access|signed integer|division|Invalid |Use-after|Out-of-bounds|Corrupted|addr:|aops:|file:|cpuset=|KASAN|object|stack of task|this frame|\\[\\d+, \\d+\\)',
  'Mem-Info|active_anon|inactive_|active_file|unevictable|slab_|mapped:|kernel_misc|sec_pagetables|pagetables|bounce|free:|zspages|Node \\d|DMA|Normal|HighMem|lowmem_reserve|\\d+ (?:total pagecache|pages|Pages|slab)|Swap|Free swap|Total swap|Out of memory|oom[-_]|Tasks state|\\[ *pid *\\]|\\[ *\\d+\\] +\\d+|Unreclaimable slab|Name +Used|SLUB:|cache: |node \\d|warn_alloc_show|Memory cgroup|memory: ',
  // lockdep.
  '-> ?#\\d|other info|Possible unsafe|Chain exists|stack backtrace|lock\\(|\\*\\*\\* |which lock|the existing|the new|but |and |is trying|lock\\. |{[A-Z-]+}|<Interrupt>|\\.\\.\\.',
].join('|');

const BEGINS = new RegExp(`^(?:${BEGINNINGS})`);
const DUMP = /^(?:[0-9a-f]{3,16}: )?(?:[0-9a-f]{4,16}[ )]*){3,}$|^(?:[0-9a-f]{2} ){8,}/i;

/** Whether a line (without its stamp) can stand within a crash report: a guess, for what has one open only. */
export function isOfReport(message: string): boolean {
  const text = message.trim();
  return BEGINS.test(text) || frameOf(text) !== null || DUMP.test(text);
}

/** What ends a report for good. `trace`: the kernel may still panic over it. */
export function endOf(message: string): 'trace' | 'panic' | null {
  if (message.includes('---[ end Kernel panic')) return 'panic';
  if (message.includes('---[ end trace')) return 'trace';
  return message.startsWith('Rebooting in ') ? 'panic' : null;
}
