/**
 * Dumps that drivers make of their device when its firmware fails (drivers/base/devcoredump.c): a board keeps each for
 * five minutes, or until it is written to.
 */
import { quote, type Remote } from '../board/remote.ts';

export interface Devcoredump {
  /** The device that failed: `1-1:1.0`, `0000:01:00.0`. */
  device: string;
  driver: string | null;
  data: Buffer;
  /** There was more than is kept. */
  truncated: boolean;
}

/** Firmware dumps are of some 100 kB to some MB; of a larger one the beginning tells what it is. */
export const DUMP_BYTES = 32 * 1024 * 1024;
const DUMPS_MAX = 8;

const LIST =
  'for d in /sys/class/devcoredump/devcd*;do [ -e "$d/data" ]||continue;' +
  'f=$(readlink -f "$d/failing_device");r=$(readlink -f "$d/failing_device/driver");' +
  `echo "\${d##*/} \${f##*/} \${r##*/}";done`;

/** Reads and frees the dumps a board holds. Throws LabError when the board is lost meanwhile. */
export async function takeDevcoredumps(remote: Remote, signal?: AbortSignal): Promise<Devcoredump[]> {
  const options = signal === undefined ? {} : { signal };
  const { stdout } = await remote.run(LIST, { ...options, quiet: true });
  const dumps: Devcoredump[] = [];
  for (const line of stdout.split('\n').slice(0, DUMPS_MAX)) {
    const [name = '', device = '', driver = ''] = line.split(' ');
    if (!/^devcd\d+$/.test(name)) continue;
    const path = quote(`/sys/class/devcoredump/${name}/data`);
    const data = await bytesOf(remote, `head -c ${DUMP_BYTES + 1} ${path}`, signal);
    await remote.run(`echo 1 >${path}`, options);
    dumps.push({
      device,
      driver: driver === '' || driver === 'driver' ? null : driver,
      data: data.subarray(0, DUMP_BYTES),
      truncated: data.length > DUMP_BYTES,
    });
  }
  return dumps;
}

async function bytesOf(remote: Remote, command: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await using process = await remote.stream(command, {
    ...(signal === undefined ? {} : { signal }),
    onData: (chunk, stream) => {
      if (stream === 'stdout') chunks.push(chunk);
    },
  });
  await process.exited;
  return Buffer.concat(chunks);
}
