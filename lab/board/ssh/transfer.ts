/** Files to and from a board: by SFTP, or through `cat` where there is none; verified by hash, complete or not at all. */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { posix } from 'node:path';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientChannel, SFTPWrapper } from 'ssh2';
import { abortReason, ConfigError, HilError, LabError, messageOf, ProductError } from '../../errors.ts';
import { type CommandResult, quote, type Transfer } from '../remote.ts';
import { watchExit } from './exit.ts';

/** Hashing or syncing a large file on a slow board takes its time. */
const SETTLE_MS = 120_000;

export interface TransferHost {
  readonly board: string;
  sftp(): Promise<SFTPWrapper | null>;
  exec(command: string): Promise<ClientChannel>;
  /** A command in a held shell, out of the journal. */
  run(command: string, timeoutMs: number): Promise<CommandResult>;
}

export interface UploadOptions {
  mode?: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Writes `source` beside `path` on the board, compares its hash there, flushes it to disk and renames it to `path`.
 * Throws ConfigError for a local file that cannot be read and a path that cannot be a file; LabError `no-space`,
 * `read-only`, `corrupt` or `connection-lost`.
 */
export async function upload(
  host: TransferHost,
  source: Buffer | { path: string },
  path: string,
  options: UploadOptions,
): Promise<Transfer> {
  if (!Buffer.isBuffer(source)) await refuseUnreadable(source.path);
  refuseAborted(options.signal);
  const folder = posix.dirname(path);
  const aside = posix.join(folder, `.hil-${randomBytes(6).toString('hex')}`);
  await must(
    host,
    path,
    `mkdir -p ${quote(folder)} && if [ -d ${quote(path)} ];then echo 'Is a directory' >&2;exit 1;fi`,
  );
  try {
    const digest = digesting();
    const input = (): Readable =>
      Buffer.isBuffer(source)
        ? Readable.from(source.length === 0 ? [] : [source])
        : createReadStream(source.path);
    const via = await write(host, input, digest, aside, path, options.signal);
    const { sha256, bytes } = digest.result();
    if ((await hashOnBoard(host, aside)) !== sha256) throw corrupt(host.board, path, 'arrived changed on');
    const mode = (options.mode ?? 0o644).toString(8);
    const [from, to] = [quote(aside), quote(path)];
    await must(host, path, `chmod ${mode} ${from} && sync ${from} && mv -f ${from} ${to} && sync ${to}`);
    return { bytes, sha256, via };
  } catch (error) {
    await removeAside(host, aside);
    throw error;
  }
}

/**
 * Reads `path` of the board into `localPath` (written aside, then renamed), and compares hashes. Files without a size,
 * as in /proc, work too. Throws ProductError `not-found`; ConfigError for a `localPath` that cannot be written; LabError
 * `changing` for a file that is being written to.
 */
export async function download(
  host: TransferHost,
  path: string,
  localPath: string,
  signal: AbortSignal | undefined,
): Promise<Transfer> {
  refuseAborted(signal);
  const aside = `${localPath}.${randomBytes(6).toString('hex')}`;
  const word = quote(path);
  const look = await host.run(
    `if [ -d ${word} ];then echo directory;elif [ ! -e ${word} ];then echo missing;elif [ -s ${word} ];then echo sized;else echo unsized;fi`,
    SETTLE_MS,
  );
  const kind = look.stdout.trim();
  if (kind === 'missing') {
    throw new ProductError(`${host.board} has no file ${path}`, { board: host.board, code: 'not-found' });
  }
  if (kind === 'directory') throw new ConfigError(`${path} on ${host.board} is a folder; name a file`);
  await refuseUnwritable(aside, localPath);
  try {
    for (const lastTry of [false, true]) {
      const digest = digesting();
      const via = await read(host, path, kind === 'sized', digest, aside, signal);
      refuseAborted(signal);
      const { sha256, bytes } = digest.result();
      if ((await hashOnBoard(host, path)) === sha256) {
        await rename(aside, localPath);
        return { bytes, sha256, via };
      }
      if (lastTry) break;
    }
    throw new LabError(`${path} on ${host.board} changes while it is read`, {
      board: host.board,
      code: 'changing',
      hint: 'copy it aside on the board first, or stop what writes to it',
    });
  } catch (error) {
    await rm(aside, { force: true });
    refuseAborted(signal);
    throw error instanceof HilError
      ? error
      : new LabError(`reading ${path} from ${host.board} into ${localPath} failed: ${messageOf(error)}`, {
          board: host.board,
          cause: error,
        });
  }
}

/** @param input opened only where a pipeline takes it at once: a stream that fails with nobody listening ends the process */
async function write(
  host: TransferHost,
  input: () => Readable,
  digest: Digest,
  aside: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Transfer['via']> {
  const sftp = await host.sftp();
  try {
    if (sftp !== null) {
      await pipeline(input(), digest.stream, sftp.createWriteStream(aside), { signal });
      return 'sftp';
    }
    await throughCat(host, `cat >${quote(aside)}`, (channel, gone) => {
      // A channel closes only once its output was read.
      channel.resume();
      const all = signal === undefined ? gone : AbortSignal.any([signal, gone]);
      return pipeline(input(), digest.stream, channel, { signal: all });
    });
    return 'channel';
  } catch (error) {
    refuseAborted(signal);
    if (error instanceof HilError && error.code === 'connection-lost') throw error;
    throw refusal(
      host.board,
      path,
      `${messageOf(error)} ${await whyNotWritten(host, posix.dirname(aside))}`,
      error,
    );
  }
}

async function read(
  host: TransferHost,
  path: string,
  sized: boolean,
  digest: Digest,
  aside: string,
  signal: AbortSignal | undefined,
): Promise<Transfer['via']> {
  const sftp = sized ? await host.sftp() : null;
  if (sftp !== null) {
    await pipeline(sftp.createReadStream(path), digest.stream, createWriteStream(aside), { signal });
    return 'sftp';
  }
  await throughCat(host, `exec cat ${quote(path)}`, (channel) =>
    pipeline(channel, digest.stream, createWriteStream(aside), { signal }),
  );
  return 'channel';
}

/** Runs `move` on a plain channel; resolves when the board's side ended well. */
async function throughCat(
  host: TransferHost,
  command: string,
  move: (channel: ClientChannel, gone: AbortSignal) => Promise<void>,
): Promise<void> {
  const channel = await host.exec(command);
  let stderr = '';
  const watch = watchExit(channel);
  channel.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < 4096) stderr += chunk.toString('utf8');
  });
  // ssh2 neither ends nor fails a write to a channel that the other side has closed.
  const gone = new AbortController();
  void watch.closed.then(() => setImmediate(() => gone.abort()));
  try {
    await move(channel, gone.signal);
    channel.resume();
    await watch.closed;
  } catch (error) {
    channel.close();
    if (stderr === '' && watch.exit === undefined) throw error;
    // The board's side did well, and so it was ours that failed: a full disk, say.
    if (watch.exit?.exitCode === 0 && !isAbort(error)) throw error;
  }
  const { exit } = watch;
  if (exit?.exitCode === 0) return;
  if (exit === undefined)
    throw new LabError('the channel closed without an exit status', { code: 'connection-lost' });
  throw new Error(stderr.trim() || `exit code ${exit.exitCode}`);
}

interface Digest {
  stream: Transform;
  result(): { sha256: string; bytes: number };
}

function digesting(): Digest {
  const hash: Hash = createHash('sha256');
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, result: () => ({ sha256: hash.digest('hex'), bytes }) };
}

/** The hash as the board computes it; where it has no sha256sum, of what it gives back when read. */
async function hashOnBoard(host: TransferHost, path: string): Promise<string> {
  const result = await host.run(`sha256sum <${quote(path)}`, SETTLE_MS);
  const found = /^[0-9a-f]{64}/.exec(result.stdout);
  if (found !== null) return found[0];
  if (result.exitCode !== 127) throw refusal(host.board, path, result.stderr, undefined);
  const digest = digesting();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  await throughCat(host, `exec cat ${quote(path)}`, (channel) => pipeline(channel, digest.stream, nowhere));
  return digest.result().sha256;
}

async function must(host: TransferHost, path: string, command: string): Promise<void> {
  const result = await host.run(command, SETTLE_MS);
  if (result.exitCode !== 0) throw refusal(host.board, path, result.stderr, undefined);
}

/** SFTP says only "Failure": ask the file system itself. */
async function whyNotWritten(host: TransferHost, folder: string): Promise<string> {
  const probe = quote(posix.join(folder, `.hil-${randomBytes(6).toString('hex')}`));
  const result = await host.run(
    `head -c 65536 /dev/zero >${probe};rm -f ${probe};df -Pk ${quote(folder)}`,
    SETTLE_MS,
  );
  const [, , , available] = result.stdout.trim().split('\n').at(-1)?.split(/\s+/) ?? [];
  // BusyBox's head calls every failed write an I/O error.
  return `${result.stderr.trim()}${available === '0' ? '; No space left on device' : ''}`;
}

function refusal(board: string, path: string, what: string, cause: unknown): HilError {
  const message = `${path} on ${board} could not be transferred: ${what.trim()}`;
  if (/Read-only file system/i.test(what)) return new LabError(message, { board, code: 'read-only', cause });
  if (/No space left|Disk quota/i.test(what)) {
    return new LabError(message, { board, code: 'no-space', hint: `hil exec ${board} -- df -h`, cause });
  }
  if (/Is a directory|Not a directory|File exists/i.test(what))
    return new ConfigError(message, { board, cause });
  return new LabError(message, { board, code: 'transfer-failed', cause });
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

function corrupt(board: string, path: string, what: string): LabError {
  return new LabError(`${path} ${what} ${board}: its SHA-256 differs`, {
    board,
    code: 'corrupt',
    hint: "the board's memory or storage may be failing; try again, then look at its kernel log",
  });
}

/** The board may be gone, which the first error then says better; what stays behind is a hidden file. */
async function removeAside(host: TransferHost, aside: string): Promise<void> {
  await host.run(`rm -f ${quote(aside)}`, 10_000).catch(() => undefined);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

async function refuseUnreadable(path: string): Promise<void> {
  try {
    // Without O_NONBLOCK the opening of a FIFO would wait for its writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return;
  } catch (error) {
    throw new ConfigError(`cannot read the local file ${path}: ${messageOf(error)}`, { cause: error });
  }
  throw new ConfigError(`${path} is not a file`);
}

async function refuseUnwritable(aside: string, localPath: string): Promise<void> {
  try {
    await (await open(aside, 'wx')).close();
  } catch (error) {
    throw new ConfigError(`cannot write the local file ${localPath}: ${messageOf(error)}`, { cause: error });
  }
}
