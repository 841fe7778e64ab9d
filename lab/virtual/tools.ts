/** What the image build needs of the lab machine, and what to install when it is missing. */
import { ConfigError } from '../errors.ts';
import { findTool } from '../program.ts';
import { HOST_TOOLS } from './recipe.ts';

/** Throws ConfigError naming the packages when programs are missing. */
export async function requireTools(
  names: readonly (keyof typeof HOST_TOOLS)[],
  purpose: string,
): Promise<void> {
  const missing: (keyof typeof HOST_TOOLS)[] = [];
  for (const name of names) if ((await findTool(name)) === null) missing.push(name);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => HOST_TOOLS[name]))].join(' ');
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  throw new ConfigError(`${purpose} needs ${missing.join(', ')}, not found on this machine`, {
    code: 'missing-tool',
    hint: `${sudo}apt-get install -y ${packages}`,
  });
}
