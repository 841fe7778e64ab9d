/** Boot loaders as data: how each is recognised, stopped and talked to. */

export interface Loader {
  name: string;
  /** Its shell waits for a command; matched against the line that is begun, on which keys that stopped it may stand. */
  prompt: RegExp;
  /** It is about to boot by itself, and a key stops it. */
  autoboot: RegExp;
  /** What stops it; typed once too often it stands at the prompt, from where `clearKeys` take it away. */
  stopKeys: string;
  clearKeys: string;
  /** After a command: prints the mark, then the command's exit code in decimal. */
  status: (mark: string) => string;
  /** Longer lines than this lose their end without a word. */
  maxLine: number;
  /** Sets a variable for this boot, without saving it. */
  set: (name: string, value: string) => string;
  /** Adds to a variable that is set. */
  append: (name: string, value: string) => string;
  /** Prints a variable; fails, or prints nothing, where it is not set. */
  show: { command: (name: string) => string; before: (name: string) => string };
  /** Goes on with the boot that was stopped. */
  go: string;
}

export const LOADERS = {
  /** docs.u-boot.org, "The U-Boot shell" and "autoboot". */
  'u-boot': {
    name: 'U-Boot',
    prompt: /^(?:=>|U-Boot>|[A-Za-z0-9_-]{1,20}(?:=>|#|>)) {1,40}$/,
    autoboot: /Hit any key to stop autoboot|Autoboot in \d+ seconds|Press .* to (?:stop|abort) autoboot/,
    stopKeys: ' ',
    clearKeys: '',
    status: (mark) => `echo ${mark}$?`,
    maxLine: 250,
    set: (name, value) => `setenv ${name} '${value}'`,
    append: (name, value) => `setenv ${name} "\${${name}}"'${value}'`,
    show: { command: (name) => `printenv ${name}`, before: (name) => `${name}=` },
    go: 'boot',
  },
  /** barebox.org/doc, "Hush shell". */
  barebox: {
    name: 'barebox',
    prompt: /^barebox(?:@[^:]{1,60})?:[^\s]{1,60} {1,40}$/,
    autoboot: /Hit (?:any key|m for menu or any key) to stop autoboot/,
    stopKeys: ' ',
    clearKeys: '',
    status: (mark) => `echo ${mark}$?`,
    maxLine: 1000,
    set: (name, value) => `${name}='${value}'`,
    append: (name, value) => `${name}="$${name}"'${value}'`,
    show: { command: (name) => `echo "$${name}"`, before: () => '' },
    go: 'boot',
  },
  /** gnu.org/software/grub/manual, "Shell-like scripting". `c` in the menu opens its command line. */
  grub: {
    name: 'GRUB',
    prompt: /^grub> c{0,40}$/,
    autoboot: /The highlighted entry will be executed automatically in|Use the .* keys to select which entry/,
    stopKeys: 'c',
    clearKeys: '\x15',
    status: (mark) => `echo ${mark}$?`,
    maxLine: 250,
    set: (name, value) => `set ${name}='${value}'`,
    append: (name, value) => `set ${name}="$${name}"'${value}'`,
    show: { command: (name) => `echo "$${name}"`, before: () => '' },
    go: 'normal',
  },
} as const satisfies Record<string, Loader>;
