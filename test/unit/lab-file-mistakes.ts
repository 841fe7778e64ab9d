/** Lab files with a mistake each, and what `hil lab check` must say of it: its line, and a part of the sentence. */
export interface Mistake {
  title: string;
  yaml: string;
  line: number;
  says: RegExp;
}

const BOARD = `boards:
  b1:
    profile: linux
    power: {type: manual}
    ssh: {host: 10.0.0.1}
`;

const withBoard = (title: string, rest: string, line: number, says: RegExp): Mistake => ({
  ...{ title, yaml: BOARD + rest, line, says },
});

/** One of the board's lines replaced. */
const instead = (title: string, line: number, text: string, says: RegExp, at = line): Mistake => ({
  ...{ title, line: at, says },
  yaml: BOARD.split('\n')
    .with(line - 1, text)
    .join('\n'),
});

export const MISTAKES: readonly Mistake[] = [
  { title: 'nothing at all', yaml: '', line: 1, says: /"boards" is missing: expected a mapping/ },
  {
    title: 'a list of boards',
    yaml: 'boards: [a, b]\n',
    line: 1,
    says: /boards: expected a mapping.*not a list/,
  },
  { title: 'a text', yaml: 'just words\n', line: 1, says: /expected a mapping of sections/ },
  { title: 'a tab', yaml: 'boards:\n\tb1: {}\n', line: 2, says: /no YAML: .*tab/i },
  { title: 'an open bracket', yaml: 'boards: {b1: {profile: linux\n', line: 2, says: /no YAML: / },
  { title: 'an open quote', yaml: 'boards:\n  b1: {profile: "linux}\n', line: 3, says: /no YAML: .*quote/i },
  { title: 'a key twice', yaml: `${BOARD}    profile: linux\n`, line: 6, says: /no YAML: .*unique/i },
  { title: 'an alias of nothing', yaml: `${BOARD}  b2: *other\n`, line: 1, says: /other/ },
  {
    title: 'bad indentation',
    yaml: 'boards:\n  b1:\n    profile: linux\n   ssh: {host: a}\n',
    line: 4,
    says: /no YAML: /,
  },
  withBoard('an unknown section', 'bords: {}\n', 6, /there is no key "bords" here; did you mean boards\?/),
  withBoard(
    'an unknown key of a board',
    '    consol: {type: pty, path: /dev/pts/3}\n',
    6,
    /"consol" here; did you mean console\?/,
  ),
  withBoard('a name with a space', '  "b 2": {profile: virtual, virtual: true}\n', 6, /expected a name/),
  instead(
    'no such profile',
    3,
    '    profile: lnux',
    /expected one of .*bpi-r2.*, not "lnux"; did you mean linux\?/,
  ),
  instead('no profile', 3, '', /"profile" is missing: expected one of/, 2),
  instead('no power', 4, '', /"power" is missing: .*power: none/, 2),
  instead('an unknown switch', 4, '    power: {type: shely, host: a}', /did you mean shelly\?/),
  instead('a switch without type', 4, '    power: {host: a}', /"type" is missing: expected one of/),
  instead(
    'a misspelt setting of a switch',
    4,
    '    power: {type: tasmota, hots: a}',
    /"hots" here; did you mean host\?/,
  ),
  instead('a setting of a switch missing', 4, '    power: {type: tasmota}', /"host" is missing/),
  instead('a switch as a word', 4, '    power: relay', /expected one of none, a mapping/),
  instead('a board that nothing switches, left off', 4, '    power: none', /"endState: on" is missing/),
  instead('no ssh', 5, '', /"ssh" is missing: expected host/, 2),
  instead(
    'a port that is none',
    5,
    '    ssh: {host: a, port: 70000}',
    /expected a TCP port, 1 to 65535, not 70000/,
  ),
  instead(
    'a port as a word',
    5,
    '    ssh: {host: a, port: ssh}',
    /expected a TCP port, 1 to 65535, not "ssh"/,
  ),
  instead(
    'a host with a space',
    5,
    '    ssh: {host: "a b"}',
    /expected a host name or IP address, not "a b"/,
  ),
  instead(
    'a host key that is none',
    5,
    '    ssh: {host: a, hostKey: SHA256:abc}',
    /expected a public key, such as ssh-ed25519/,
  ),
  instead(
    'a relative key file',
    5,
    '    ssh: {host: a, identity: id_rsa}',
    /expected an absolute path, not "id_rsa"/,
  ),
  withBoard(
    'a password in the file',
    '    login: {password: hunter2}\n',
    6,
    /expected a reference to a secret, env:NAME or file:.*never the secret itself$/,
  ),
  withBoard(
    'a secret at a relative path',
    '    login: {password: "file:pw"}\n',
    6,
    /expected a reference to a secret/,
  ),
  withBoard(
    'a duration without unit',
    '    bootTimeout: 90\n',
    6,
    /expected a duration such as 500ms, 2s or 5m, not 90/,
  ),
  withBoard(
    'a duration in words',
    '    bootTimeout: 2 minutes\n',
    6,
    /expected a duration .* not "2 minutes"/,
  ),
  withBoard(
    'an unknown cable',
    '    console: {type: seral, path: /dev/ttyS0, baudRate: 115200}\n',
    6,
    /did you mean serial\?/,
  ),
  withBoard(
    'a baud rate in words',
    '    console: {type: serial, path: /dev/ttyS0, baudRate: fast}\n',
    6,
    /baudRate: expected .*not "fast"/,
  ),
  withBoard(
    'an end state',
    '    endState: of\n',
    6,
    /expected one of off, on, not "of"; did you mean off or on\?/,
  ),
  withBoard(
    'a role',
    '    radios: [{interface: wlan0, role: sta}]\n',
    6,
    /expected one of ap, station, not "sta"/,
  ),
  withBoard(
    'an interface too long',
    '    radios: [{interface: wlan0123456789abcdef, role: ap}]\n',
    6,
    /at most 15 characters/,
  ),
  withBoard(
    'one console for two boards',
    '    console: {type: pty, path: /dev/pts/9}\n  b2:\n    profile: linux\n    power: {type: manual}\n    ssh: {host: b}\n    console: {type: pty, path: /dev/pts/9}\n',
    11,
    /the same as that of b1/,
  ),
  withBoard(
    'one address for two boards',
    '  b2:\n    profile: linux\n    power: {type: manual}\n    ssh: {host: 10.0.0.1}\n',
    9,
    /ssh is the same as that of b1/,
  ),
  withBoard(
    'a virtual board with a switch',
    '  v: {profile: virtual, virtual: true, power: {type: manual}}\n',
    6,
    /a virtual board brings its own power/,
  ),
  withBoard(
    'a virtual board of a real kind',
    '  v: {profile: linux, virtual: true}\n',
    6,
    /a virtual board has a profile "virtual/,
  ),
  withBoard(
    'a link to a peer that is not there',
    'peers:\n  sta1: {ssh: local, roles: [station]}\nlinks:\n  - {kind: wifi, board: b1, peer: sta2}\n',
    9,
    /there is no peer "sta2"; did you mean sta1\?/,
  ),
  withBoard(
    'a link of a board that is not there',
    'peers:\n  sta1: {ssh: local, roles: [station]}\nlinks:\n  - {kind: wifi, board: b2, peer: sta1}\n',
    9,
    /there is no board "b2"; did you mean b1\?/,
  ),
  withBoard(
    'a kind of link',
    'links:\n  - {kind: wlan, board: b1, peer: p}\n',
    7,
    /expected one of wifi, wwan, ethernet, not "wlan"/,
  ),
  withBoard(
    'a peer without roles',
    'peers:\n  p: {ssh: local, roles: []}\n',
    7,
    /expected at least one role/,
  ),
  withBoard(
    'a peer without address',
    'peers:\n  p: {roles: [station]}\n',
    7,
    /"ssh" is missing: expected one of local, a mapping/,
  ),
  withBoard(
    'a group with a stranger',
    'groups:\n  all: [b1, x]\n',
    7,
    /groups\.all\[1\]: there is no board "x"/,
  ),
  withBoard('a group named like a board', 'groups:\n  b1: [b1]\n', 7, /"b1" is a board already/),
  withBoard(
    'a modem of no board',
    'modems:\n  m: {board: b9, usb: "12d1:14dc"}\n',
    7,
    /there is no board "b9"/,
  ),
  withBoard('a USB id', 'modems:\n  m: {board: b1, usb: huawei}\n', 7, /expected a USB vendor and product/),
  withBoard(
    'an attenuator upside down',
    'attenuators:\n  a: {set: [att, "{db}"], minDb: 60, maxDb: 10}\n',
    7,
    /expected more than minDb, which is 60/,
  ),
  withBoard(
    'an include that is not there',
    'include: nowhere.yaml\n',
    6,
    /nowhere\.yaml can't be read: ENOENT/,
  ),
];
