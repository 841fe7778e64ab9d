/** Loads and unloads kernel modules, and says why when that fails. */
import { randomBytes } from 'node:crypto';
import { quote, type Remote } from '../board/remote.ts';
import { ConfigError, ProductError } from '../errors.ts';
import { sanitizeLines } from '../text.ts';
import { BARRIER } from './kmsg.ts';
import { explainLoad, type LoadEvidence, missingFirmware } from './module-failure.ts';

const LOAD_MS = 60_000;

export interface ModuleOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface LoadResult {
  /** False when it was loaded before, with the same parameters. */
  loaded: boolean;
  /** What the kernel logged meanwhile. */
  log: string[];
  /** Firmware that the kernel looked for and did not find; the driver may have found another. */
  missingFirmware: string[];
}

/**
 * Loads a module and what it needs (modprobe). Does nothing when it is loaded with these parameters already.
 *
 * Throws ProductError `module-missing`, `vermagic`, `unknown-symbol`, `unknown-parameter` (the kernel only warns of
 * it; the module is unloaded again), `invalid-parameter`, `firmware-missing`, `module-load`, or `timeout`; ConfigError
 * `already-loaded` when it is loaded with other parameters.
 */
export async function loadModule(
  remote: Remote,
  name: string,
  parameters: Readonly<Record<string, string>> = {},
  options: ModuleOptions = {},
): Promise<LoadResult> {
  const sysfs = `/sys/module/${sysName(name)}`;
  if (await isLoaded(remote, name, options)) {
    await refuseOtherParameters(remote, name, parameters, options);
    return { loaded: false, log: [], missingFirmware: [] };
  }
  const words = Object.entries(parameters).map(([key, value]) => quote(`${key}=${value}`));
  const mark = randomBytes(8).toString('hex');
  const command = ['modprobe', quote(name), ...words].join(' ');
  const sections = await runSections(
    remote,
    mark,
    `echo '<7>${BARRIER}${mark}' >/dev/kmsg;at said;${command} 2>&1;rc=$?;at exit;echo $rc;` +
      `at state;cat ${sysfs}/initstate 2>/dev/null;at log;dmesg | sed -n '/${mark}/,$p'`,
    options,
  );
  const log = (sections.log ?? '')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '');
  const evidence: LoadEvidence = {
    board: remote.name,
    name,
    command,
    exitCode: Number(sections.exit),
    said: sections.said ?? '',
    log,
  };
  const live = sections.state === 'live';
  if (evidence.exitCode === 0 && live && !/unknown parameter/.test(sections.log ?? '')) {
    return { loaded: true, log, missingFirmware: missingFirmware(log) };
  }
  const facts = await askFacts(remote, name, options);
  if (live) await unloadModule(remote, name, options);
  throw explainLoad(evidence, facts);
}

/**
 * Unloads a module, and what only it needed (modprobe -r). Does nothing when it is not loaded. Throws ProductError
 * `module-in-use` with its users, `module-unload`, or `timeout`.
 */
export async function unloadModule(remote: Remote, name: string, options: ModuleOptions = {}): Promise<void> {
  const module = sysName(name);
  const mark = randomBytes(8).toString('hex');
  const sections = await runSections(
    remote,
    mark,
    `cd /sys/module/${module} 2>/dev/null||exit 0;cd /;at said;modprobe -r ${quote(name)} 2>&1;` +
      `at left;cd /sys/module/${module} 2>/dev/null||exit 0;at holders;ls holders;at references;cat refcnt;at state;cat initstate`,
    options,
  );
  if (sections.left === undefined || sections.references === undefined) return;
  const said = (sections.said ?? '').trim();
  const holders = (sections.holders ?? '').split('\n').filter((holder) => holder !== '');
  const references = (sections.references ?? '').trim();
  if (sections.state === undefined || sections.state === '') {
    throw new ConfigError(`${name} is built into the kernel of ${remote.name}; it cannot be unloaded`, {
      board: remote.name,
    });
  }
  if (holders.length > 0 || Number(references) > 0) {
    const users = holders.length === 0 ? 'none of them a module' : `modules: ${holders.join(', ')}`;
    throw new ProductError(
      `${name} cannot be unloaded from ${remote.name}: it has ${references} users, ${users}`,
      {
        board: remote.name,
        code: 'module-in-use',
        hint: 'take its interfaces down and stop hostapd and wpa_supplicant first; a count that stays is a leaked reference',
      },
    );
  }
  throw new ProductError(
    `${name} did not unload from ${remote.name}: ${said || 'modprobe -r gave no reason'}`,
    {
      board: remote.name,
      code: 'module-unload',
    },
  );
}

/** Whether the module is loaded and live, or built in. */
export async function isLoaded(remote: Remote, name: string, options: ModuleOptions = {}): Promise<boolean> {
  const { stdout } = await remote.run(
    `cd /sys/module/${sysName(name)} 2>/dev/null||exit 0;if [ -e initstate ];then cat initstate;else echo live;fi`,
    { ...limits(options), quiet: true },
  );
  return stdout.trim() === 'live';
}

/** The parameters of a loaded module that can be read, by name. Throws ProductError when it is not loaded. */
export async function moduleParameters(
  remote: Remote,
  name: string,
  options: ModuleOptions = {},
): Promise<Record<string, string>> {
  const folder = `/sys/module/${sysName(name)}`;
  const { stdout } = await remote.run(
    `cd ${folder} 2>/dev/null&&echo loaded&&cd parameters 2>/dev/null&&for p in *;do [ -r "$p" ]&&echo "$p=$(cat "$p" 2>/dev/null)";done`,
    { ...limits(options), quiet: true },
  );
  const [loaded, ...lines] = sanitizeLines(stdout).split('\n');
  if (loaded !== 'loaded') {
    throw new ProductError(`${name} is not loaded on ${remote.name}`, {
      board: remote.name,
      code: 'not-loaded',
    });
  }
  const found: Record<string, string> = {};
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals > 0) found[line.slice(0, equals)] = line.slice(equals + 1);
  }
  return found;
}

/** Sets a parameter of a loaded module. Throws ProductError when there is none of that name or the module refuses. */
export async function setParameter(
  remote: Remote,
  name: string,
  parameter: string,
  value: string,
  options: ModuleOptions = {},
): Promise<void> {
  if (!/^[A-Za-z0-9_]+$/.test(parameter))
    throw new ConfigError(`not the name of a module parameter: ${parameter}`);
  const file = `/sys/module/${sysName(name)}/parameters/${parameter}`;
  const result = await remote.run(
    `if [ ! -e ${file} ];then echo missing >&2;exit 44;fi;printf '%s\\n' ${quote(value)} >${file}`,
    limits(options),
  );
  if (result.exitCode === 0) return;
  const known = result.exitCode === 44 ? Object.keys(await moduleParameters(remote, name, options)) : [];
  const what =
    result.exitCode === 44
      ? `it has no such parameter that can be set; it has ${known.join(', ') || 'none'}`
      : sanitizeLines(result.stderr).trim();
  throw new ProductError(`${name} on ${remote.name} did not take ${parameter}=${value}: ${what}`, {
    board: remote.name,
    code: result.exitCode === 44 ? 'unknown-parameter' : 'invalid-parameter',
  });
}

async function refuseOtherParameters(
  remote: Remote,
  name: string,
  wanted: Readonly<Record<string, string>>,
  options: ModuleOptions,
): Promise<void> {
  if (Object.keys(wanted).length === 0) return;
  const set = await moduleParameters(remote, name, options);
  const others = Object.entries(wanted).filter(([key, value]) => !isSame(set[key], value));
  if (others.length === 0) return;
  const list = others
    .map(([key, value]) => `${key}=${set[key] ?? '(cannot be read)'} instead of ${value}`)
    .join(', ');
  throw new ConfigError(`${name} is already loaded on ${remote.name} with ${list}`, {
    board: remote.name,
    code: 'already-loaded',
    hint: `unload ${name} first`,
  });
}

/** Booleans are read as Y and N, however they were written. */
function isSame(read: string | undefined, wanted: string): boolean {
  if (read === 'Y' || read === 'N') return (read === 'Y') === /^(1|y|on|true)$/i.test(wanted);
  return read === wanted;
}

async function askFacts(remote: Remote, name: string, options: ModuleOptions) {
  const mark = randomBytes(8).toString('hex');
  const word = quote(name);
  const sections = await runSections(
    remote,
    mark,
    `at kernel;uname -r;at vermagic;modinfo -F vermagic ${word} 2>/dev/null;at parameters;modinfo -F parm ${word} 2>/dev/null;` +
      `at modules;cd /lib/modules/$(uname -r)&&sed 's/:.*//;s/.*\\///;s/\\.ko.*//' modules.dep`,
    options,
  );
  const lines = (section: string | undefined) => (section ?? '').split('\n').filter((line) => line !== '');
  return {
    kernel: (sections.kernel ?? '').trim(),
    vermagic: (sections.vermagic ?? '').trim(),
    parameters: lines(sections.parameters).map((line) => line.split(':')[0] ?? line),
    modules: lines(sections.modules),
  };
}

/** Runs a script whose output is cut into sections by `at NAME`. A section that was not reached is missing. */
async function runSections(
  remote: Remote,
  mark: string,
  script: string,
  options: ModuleOptions,
): Promise<Record<string, string | undefined>> {
  const { stdout } = await remote.run(`at(){ echo "==${mark} $1";};${script}`, limits(options));
  const [, ...parts] = sanitizeLines(stdout).split(`==${mark} `);
  return Object.fromEntries(
    parts.map((part) => {
      const newline = part.indexOf('\n');
      return [part.slice(0, newline), part.slice(newline + 1).trimEnd()];
    }),
  );
}

function limits({ timeoutMs = LOAD_MS, signal }: ModuleOptions): { timeoutMs: number; signal?: AbortSignal } {
  return signal === undefined ? { timeoutMs } : { timeoutMs, signal };
}

/** As the module is called in /sys, where dashes are underscores. */
function sysName(name: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(name))
    throw new ConfigError(`not the name of a kernel module: ${JSON.stringify(name)}`);
  return name.replaceAll('-', '_');
}
