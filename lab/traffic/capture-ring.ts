/** The last packets at one end of the traffic: tcpdump writes them into a few files in turn, the oldest being overwritten. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quote, type Remote, type RemoteProcess } from '../board/remote.ts';
import { inNamespace } from '../links/namespace.ts';

export interface RingEnd {
  remote: Remote;
  namespace: string | null;
  /** Only packets from and to this address. */
  address: string;
}

/** Headers suffice. */
const SNAP_BYTES = 128;
/** Of a file, in millions of bytes; 20 Mbit/s fill one in some eight seconds. */
const FILE_MB = 2;
const FILES = 3;
const LIST_MS = 10_000;

export class CaptureRing implements AsyncDisposable {
  readonly #end: RingEnd;
  readonly #dir: string;
  readonly #process: RemoteProcess;
  #stopped = false;

  private constructor(end: RingEnd, dir: string, process: RemoteProcess) {
    this.#end = end;
    this.#dir = dir;
    this.#process = process;
  }

  /** Resolves when packets are written; null where there is no tcpdump, or it can't work. Rejects when the board is lost. */
  static async start(end: RingEnd, signal: AbortSignal): Promise<CaptureRing | null> {
    const { remote, namespace, address } = end;
    const dir = `/run/hil/ring-${randomUUID().slice(0, 8)}`;
    const command =
      `exec tcpdump -i any -n -Z root -U -s ${SNAP_BYTES} -C ${FILE_MB} -W ${FILES} -w ${dir}/packets.pcap ` +
      `host ${quote(address)} 2>&1`;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    await remote.check(`mkdir -p ${dir}`, { signal });
    const process = await remote.stream(inNamespace(namespace, command), {
      ...{ signal, quiet: true },
      onLine: (line) => line.includes('listening on') && resolve(true),
    });
    const ring = new CaptureRing(end, dir, process);
    process.exited.then(
      () => resolve(false),
      () => resolve(false),
    );
    if (await promise) return ring;
    await ring[Symbol.asyncDispose]();
    return null;
  }

  /** Ends it, and gives what it has: files of pcap, the oldest first. */
  async collect(): Promise<Buffer[]> {
    const { remote } = this.#end;
    await this.#stop();
    const { stdout } = await remote.run(`ls -tr ${this.#dir}`, { quiet: true, timeoutMs: LIST_MS });
    const local = await mkdtemp(join(tmpdir(), 'hil-ring-'));
    try {
      const files: Buffer[] = [];
      for (const name of stdout.split('\n').filter((each) => each !== '')) {
        const path = join(local, 'packets');
        await remote.download(`${this.#dir}/${name}`, path);
        files.push(await readFile(path));
      }
      return files;
    } finally {
      await rm(local, { recursive: true, force: true });
    }
  }

  /** Leaves nothing on the board; of one that is lost there is nothing to be left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop().catch(() => undefined);
    await this.#end.remote
      .run(`rm -rf ${this.#dir}`, { quiet: true, timeoutMs: LIST_MS })
      .catch(() => undefined);
  }

  async #stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#process.stop();
  }
}
