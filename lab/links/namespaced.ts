/** A machine as seen from one of its network namespaces: every command runs in there; files are those of the machine. */

import type { Remote } from '../board/remote.ts';
import { inNamespace } from './namespace.ts';

export function namespaced(remote: Remote, namespace: string): Remote {
  const inside = (command: string) => inNamespace(namespace, command);
  return {
    name: remote.name,
    run: (command, options) => remote.run(inside(command), options),
    check: (command, options) => remote.check(inside(command), options),
    stream: (command, options) => remote.stream(inside(command), options),
    upload: (source, path, options) => remote.upload(source, path, options),
    download: (path, localPath, options) => remote.download(path, localPath, options),
  };
}
