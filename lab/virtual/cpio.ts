/** Writes cpio archives of the "newc" kind, the format of an initramfs (Linux: driver-api/early-userspace/buffer-format). */

export type CpioEntry =
  | { kind: 'file'; path: string; mode: number; data: Buffer }
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'symlink'; path: string; target: string };

const TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** An archive of the entries in their order, all owned by root. Paths are relative, without a leading slash. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  entries.forEach((entry, index) => {
    const data =
      entry.kind === 'file' ? entry.data : Buffer.from(entry.kind === 'symlink' ? entry.target : '');
    const mode = TYPE[entry.kind] | (entry.kind === 'symlink' ? 0o777 : entry.mode);
    parts.push(record(index + 1, mode, entry.path, data));
  });
  parts.push(record(0, 0, 'TRAILER!!!', Buffer.alloc(0)));
  return Buffer.concat(parts);
}

function record(inode: number, mode: number, path: string, data: Buffer): Buffer {
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([pad(Buffer.concat([header, name])), pad(data)]);
}

function pad(bytes: Buffer): Buffer {
  const missing = (4 - (bytes.length % 4)) % 4;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
