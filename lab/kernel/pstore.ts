/**
 * What a kernel kept of its log over a reset (Documentation/admin-guide/ramoops.rst): read, given, and deleted on the
 * board, so that the next crash finds room and is not taken for this one.
 */
import { quote, type Remote } from '../board/remote.ts';
import { sanitizeLines } from '../text.ts';

export interface PstoreRecord {
  /** As on the board: `dmesg-ramoops-0`, `console-ramoops-0`, `pmsg-ramoops-0`. */
  name: string;
  /** Clean lines. */
  text: string;
}

const FOLDER = '/sys/fs/pstore';
/** A record is as large as the region the kernel was given for it, some 10 to 100 kB. */
const RECORD_BYTES = 512 * 1024;
const RECORDS_MAX = 16;
const NAME = /^[\w.-]{1,80}$/;

/**
 * SSH may answer before the board has loaded ramoops and mounted pstore: both are made sure of. Mounting fails where the
 * board itself has just done it, or has no pstore: what is in the folder tells.
 */
const OPEN = `modprobe -q ramoops 2>/dev/null; grep -q ' ${FOLDER} pstore ' /proc/mounts || mount -t pstore pstore ${FOLDER} 2>/dev/null; ls -1 ${FOLDER} 2>/dev/null`;

/** Throws LabError when the board is lost meanwhile; a board without pstore gives nothing. */
export async function takePstore(remote: Remote, signal?: AbortSignal): Promise<PstoreRecord[]> {
  const options = signal === undefined ? {} : { signal };
  const { stdout } = await remote.run(OPEN, { ...options, timeoutMs: 60_000 });
  const names = stdout.split('\n').filter((name) => NAME.test(name));
  const records: PstoreRecord[] = [];
  for (const name of names.slice(0, RECORDS_MAX)) {
    const path = quote(`${FOLDER}/${name}`);
    const read = await remote.run(`head -c ${RECORD_BYTES} ${path} && rm -f ${path}`, {
      ...options,
      timeoutMs: 60_000,
    });
    if (read.stdout !== '') records.push({ name, text: inOrder(sanitizeLines(read.stdout)) });
  }
  return records;
}

/** A record of several parts begins with the last one (`Panic#1 Part3`): puts them in the order in which they were logged. */
function inOrder(text: string): string {
  const parts = text.split(
    /^(?=(?:Oops|Panic|Emergency|Restart|Halt|Poweroff|Shutdown|Unknown)#\d+ Part\d+$)/m,
  );
  return parts.length < 3 ? text : parts.reverse().join('');
}
