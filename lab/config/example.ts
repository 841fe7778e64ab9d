/** A lab file to begin with: two virtual boards that work at once, and what was found plugged in, as comments. */
import type { Inventory } from './inventory.ts';

/** `schema`: path of the JSON Schema, for editors. */
export function exampleLab({ serialPorts, hubs }: Inventory, schema: string): string {
  const [hub] = hubs;
  const boards = serialPorts.map((port, index) =>
    realBoard(index + 1, port.path, port.product, hub?.location),
  );
  const found = [
    ...serialPorts.map(
      ({ path, product }) => `#   serial port ${path}${product === '' ? '' : ` (${product})`}`,
    ),
    ...hubs.map(({ location, product, ports }) => `#   USB hub ${location} (${product}, ${ports} ports)`),
  ];
  return `${[
    `# yaml-language-server: $schema=${schema}`,
    '# The boards of this lab. "hil lab check" says what is wrong with it, "hil doctor" what is wrong with the wiring.',
    ...(found.length === 0
      ? ['# No serial port and no USB hub is plugged in.']
      : ['# Found here:', ...found]),
    '',
    'boards:',
    '  # Needs no hardware: QEMU on this machine, with two simulated radios.',
    '  vb1: {profile: virtual, virtual: true}',
    '  vb2: {profile: virtual, virtual: true}',
    '',
    ...(boards.length > 0 ? boards : [realBoard(1, '/dev/serial/by-path/...', '', hub?.location)]),
    ...REST,
  ].join('\n')}\n`;
}

function realBoard(number: number, console: string, product: string, hub: string | undefined): string {
  const power =
    hub === undefined
      ? '{type: manual}                      # who: you are asked to pull the plug; see README for switches'
      : `{type: uhubctl, location: ${hub}, port: ${number}}`;
  return `  # A board on the bench${product === '' ? '' : `, on ${product}`}: take the marks off, and fill in.
  # board${number}:
  #   profile: linux
  #   power: ${power}
  #   console: {type: serial, path: ${console}, baudRate: 115200}
  #   ssh: {host: 192.168.1.${10 + number}, user: root}
  #   login: {user: root, password: env:BOARD${number}_PASSWORD}   # or file:/path; never the password itself
  #   bootloader: {name: u-boot, method: booti}
  #   netboot: {serve: 192.168.1.5}          # address of this machine at which it fetches kernels
  #   knownGood: {kernel: /srv/board${number}/Image, args: "console=ttyS0,115200 root=/dev/mmcblk0p2"}
  #   radios:
  #     - {interface: wlan0, role: ap}
  #   driver: {module: mt76x2u}
`;
}

const REST = [
  '# Machines at the other end of a link.',
  '# peers:',
  '#   sta1: {ssh: {host: 192.168.1.50, user: root}, roles: [station, iperf3-server], interface: wlan0}',
  '# links:',
  '#   - {kind: wifi, board: board1, peer: sta1}',
  '# groups:',
  '#   bench: [board1]',
];
