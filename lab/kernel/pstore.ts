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
    if (read.stdout !== '') records.push({ name, text: sanitizeLines(read.stdout) });
  }
  return records;
}

const PART = /^(?=\w{1,20}#\d{1,9} Part\d{1,9}$)/m;
const HEADER = /^(\w+#\d+) Part(\d+)$/m;

/**
 * The logs that records are parts of. Each part begins with a line such as `Panic#3 Part1`; the first is the last that was
 * logged, and records may hold one or several. `name` is that of the record with the first.
 */
export function logsOf(records: readonly PstoreRecord[]): PstoreRecord[] {
  const parts = records.flatMap(({ name, text }) =>
    text.split(PART).map((block) => {
      const [, event = name, part = '0'] = HEADER.exec(block) ?? [];
      return { name, event, part: Number(part), block };
    }),
  );
  const events = Map.groupBy(parts, ({ event }) => event);
  return [...events.values()].map((of) => {
    const inOrder = of.toSorted((a, b) => b.part - a.part);
    return { name: inOrder.at(-1)?.name ?? '', text: inOrder.map(({ block }) => block).join('') };
  });
}
