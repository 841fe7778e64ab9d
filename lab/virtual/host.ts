/** The lab machine itself: its architecture, and where Debian's C library for it lies in an unpacked package. */
import { ConfigError } from '../errors.ts';

interface HostLayout {
  /** As Debian names it. */
  architecture: 'amd64' | 'arm64';
  libraries: string;
  loader: string;
}

const LAYOUTS: Partial<Record<NodeJS.Architecture, HostLayout>> = {
  x64: {
    architecture: 'amd64',
    libraries: 'usr/lib/x86_64-linux-gnu',
    loader: 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
  },
  arm64: {
    architecture: 'arm64',
    libraries: 'usr/lib/aarch64-linux-gnu',
    loader: 'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
  },
};

/** Throws ConfigError on a machine of another architecture. */
export function hostLayout(): HostLayout {
  const layout = LAYOUTS[process.arch];
  if (layout !== undefined) return layout;
  throw new ConfigError(`board images can't be built on ${process.arch}`, {
    code: 'host-unsupported',
    hint: `build on ${Object.keys(LAYOUTS).join(' or ')}`,
  });
}
