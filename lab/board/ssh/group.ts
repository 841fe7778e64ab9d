/**
 * Process groups on a machine: the shell text that starts a program as leader of its own, and that signals a group and
 * tells what is left of it.
 *
 * OpenSSH makes each channel a session of its own; dropbear does not, so there `setsid` is used, and where a board
 * lacks it (OpenWrt) a group is known by a variable in its environment alone. That variable also finds what left its
 * group on purpose (`hostapd -B`).
 */
import { quote } from '../remote.ts';

export interface ProcessGroup {
  /** Process id of the leader. */
  pid: number;
  /** Its process group; another number than `pid` where the board could not make one. */
  pgid: number;
  /** `NAME=value` in the environment of every member. */
  tag: string;
}

export type GroupSignal = 'INT' | 'TERM' | 'KILL';

/** What a started program prints first: `<marker> <pid> <pgid> <boot id>`. */
const ANNOUNCE =
  'read -r a b c d p r </proc/$$/stat;read -r i </proc/sys/kernel/random/boot_id;echo "$HIL_MARK $$ $p $i"';

/** Root's path as a login shell has it; dropbear gives less. */
const PATH = 'PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Launch {
  /** Random word before the announced numbers. */
  marker: string;
  /** `NAME=value` words put into the environment. */
  tags: readonly string[];
  /** Shell text to run; null for a shell that reads its commands from standard input. */
  command: string | null;
  /** Keep the channel's standard input instead of an empty one. */
  stdin: boolean;
}

/** The command line, for the login shell that sshd starts, that becomes the program. */
export function launchCommand(launch: Launch): string {
  const program =
    launch.command === null
      ? 'sh'
      : `sh -c ${quote(`${ANNOUNCE};${launch.stdin ? '' : 'exec </dev/null;'}${launch.command}`)}`;
  return (
    `export ${launch.tags.join(' ')} HIL_MARK=${launch.marker} ${PATH};` +
    'read -r a b c d p r </proc/$$/stat;' +
    `if [ "$p" = $$ ];then exec ${program};` +
    `elif command -v setsid >/dev/null 2>&1;then exec setsid ${program};` +
    `else exec ${program};fi`
  );
}

/** First input of a shell started with `command: null`. */
export const SHELL_PROLOGUE = `${ANNOUNCE}\n`;

export interface Announcement {
  pid: number;
  pgid: number;
  bootId: string;
}

/** Reads an announcing line; undefined when it is another line (a login shell's greeting). */
export function parseAnnouncement(line: string, marker: string): Announcement | undefined {
  const match = /^(\S+) (\d+) (\d+) ([0-9a-f-]*)$/.exec(line.trim());
  if (match === null || match[1] !== marker) return undefined;
  return { pid: Number(match[2]), pgid: Number(match[3]), bootId: match[4] ?? '' };
}

/** Shell text that signals every member. */
export function signalScript(group: ProcessGroup, signal: GroupSignal): string {
  if (group.pid === group.pgid) return `kill -${signal} -${group.pgid} 2>/dev/null`;
  return forTagged(group.tag, `kill -${signal} $p 2>/dev/null`);
}

/** Shell text that kills every member, waits until none is left, and prints the survivors as `survivorsOf` reads them. */
export function killScript(group: ProcessGroup): string {
  if (group.pid !== group.pgid) return sweepScript(group.tag);
  // `kill -0` also finds zombies that await their parent, hence the second look at /proc.
  return (
    `g=${group.pgid};n=0;kill -KILL -$g 2>/dev/null;while kill -0 -$g 2>/dev/null;do ` +
    `left=;for f in /proc/[0-9]*/stat;do read -r l <$f||continue;t=\${l##*) };set -- $t;` +
    `if [ "$3" = $g ]&&[ "$1" != Z ]&&[ "$1" != X ];then left="$left
\${l%% *} $1 $l";fi;done 2>/dev/null;` +
    `[ -z "$left" ]&&break;n=$((n+1));${PAUSE_OR_REPORT}done`
  );
}

/**
 * Shell text that kills everything with `tag` in its environment, whatever group it is in, and prints the survivors.
 * An SSH server that a command restarted is spared: without it the board would be lost.
 */
export function sweepScript(tag: string): string {
  return (
    'n=0;while :;do left=;' +
    forTagged(
      tag,
      `read -r l </proc/$p/stat||continue;t=\${l##*) };set -- $t;case "$1 $l" in Z*|X*|*"(sshd"*|*"(dropbear"*)continue;;esac;` +
        `kill -KILL $p;left="$left
$p $1 $l"`,
    ) +
    `;[ -z "$left" ]&&break;n=$((n+1));${PAUSE_OR_REPORT}done`
  );
}

/** About 3 s in all: a process that does not die by then sits in the kernel. */
const PAUSE_OR_REPORT =
  'if [ $n -gt 60 ];then echo "$left";break;fi;if [ $n -gt 1 ];then sleep 0.05 2>/dev/null||{ sleep 1;n=$((n+19)); };fi;';

/** The loop body sees the process id as `$p`. The shell that runs it must not carry the tag itself. */
function forTagged(tag: string, body: string): string {
  return (
    `for f in $(grep -l ${quote(tag)} /proc/[0-9]*/environ 2>/dev/null);do ` +
    `p=\${f#/proc/};p=\${p%/environ};{ ${body}; } 2>/dev/null;done`
  );
}

export interface Survivor {
  pid: number;
  /** As in /proc/PID/stat: `D` is uninterruptible sleep. */
  state: string;
  comm: string;
}

export function survivorsOf(output: string): Survivor[] {
  return output.split('\n').flatMap((line) => {
    const match = /^(\d+) (\S) \d+ \((.*)\) /.exec(line);
    return match === null ? [] : [{ pid: Number(match[1]), state: match[2] ?? '?', comm: match[3] ?? '?' }];
  });
}
