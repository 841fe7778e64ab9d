/** Boot loaders as data: how each is recognised, stopped and talked to. */

export interface Loader {
  name: string;
  /** Its shell waits for a command; matched against the line that is begun. */
  prompt: RegExp;
  /** It is about to boot by itself, and a key stops it. */
  autoboot: RegExp;
  /** What stops it. */
  stopKeys: string;
  /** After a command: prints the mark, then the command's exit code in decimal. */
  status: (mark: string) => string;
  /** Longer lines than this lose their end without a word. */
  maxLine: number;
  /** Sets a variable for this boot, without saving it. */
  set: (name: string, value: string) => string;
}

export const LOADERS = {
  /** docs.u-boot.org, "The U-Boot shell" and "autoboot". */
  'u-boot': {
    name: 'U-Boot',
    prompt: /^(?:=>|U-Boot>|[A-Za-z0-9_-]{1,20}(?:=>|#|>)) $/,
    autoboot: /Hit any key to stop autoboot|Autoboot in \d+ seconds|Press .* to (?:stop|abort) autoboot/,
    stopKeys: ' ',
    status: (mark) => `echo ${mark}$?`,
    maxLine: 250,
    set: (name, value) => `setenv ${name} '${value}'`,
  },
  /** barebox.org/doc, "Hush shell". */
  barebox: {
    name: 'barebox',
    prompt: /^barebox(?:@[^:]{1,60})?:[^\s]{1,60} $/,
    autoboot: /Hit (?:any key|m for menu or any key) to stop autoboot/,
    stopKeys: ' ',
    status: (mark) => `echo ${mark}$?`,
    maxLine: 1000,
    set: (name, value) => `${name}='${value}'`,
  },
  /** gnu.org/software/grub/manual, "Shell-like scripting". `c` in the menu opens its command line. */
  grub: {
    name: 'GRUB',
    prompt: /^grub> $/,
    autoboot: /The highlighted entry will be executed automatically in|Use the .* keys to select which entry/,
    stopKeys: 'c',
    status: (mark) => `echo ${mark}$?`,
    maxLine: 250,
    set: (name, value) => `set ${name}='${value}'`,
  },
} as const satisfies Record<string, Loader>;
