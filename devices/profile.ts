/** What a kind of board is. Data only: the lab does the work. */

export interface WifiRadio {
  /** Interface the driver creates, e.g. `wlan0`. */
  interface: string;
  /** What it is used for when a test does not say. */
  role: 'ap' | 'station';
  /** Network namespace the radio is moved to, so that traffic crosses the air; null keeps it in the root one. */
  namespace: string | null;
}

export interface DeviceProfile {
  /** Name used in reports and in lab files. */
  name: string;
  title: string;
  arch: 'x86_64' | 'aarch64' | 'arm';
  /** What tests can ask for with `@needs:<capability>`. */
  capabilities: readonly string[];
  console: {
    baudRate: number;
    /** Last text before a user name is asked for. */
    loginPrompt: string;
    passwordPrompt: string;
    user: string;
    /** Null where none is asked. */
    password: string | null;
    /** Time from power on to the login prompt, generous. */
    bootTimeoutMs: number;
  };
  ssh: { user: string };
  /** Its boot loader, as in lab/board/boot/loaders.ts, and how that starts a kernel; null where none can be driven. */
  bootloader: { name: 'u-boot' | 'barebox' | 'grub'; method: 'booti' | 'bootz' | 'bootm' } | null;
  driver: {
    /** Module under test. */
    module: string;
    /** Default module parameters. */
    parameters: Readonly<Record<string, string>>;
    /** Modules whose hash goes into the provenance, besides the one under test. */
    related: readonly string[];
    /** Firmware files (paths on the board) whose hash goes into the provenance. */
    firmware: readonly string[];
  };
  radios: readonly WifiRadio[];
  /**
   * What its log may show without failing a test, and why. `signature`: an id of lab/verdict/signatures, a class, or a
   * group as `mt76/*`.
   */
  allow: readonly { signature: string; reason: string }[];
  /** What a link of it must carry. */
  throughput: {
    /** TCP through WPA2, bits a second. */
    tcpFloorBps: number;
    /** Part of the offered UDP rate that must arrive. */
    udpFloorRatio: number;
    /** Seconds under a soak's floor that are no fault of the driver's, for each minute begun. */
    dipsPerMinute: number;
  };
}
