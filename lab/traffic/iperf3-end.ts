/** One end of an iperf3 test: its command line, and what it prints as reports - events of JSON where it can, else lines. */
import { ConfigError } from '../errors.ts';
import { inNamespace } from '../links/namespace.ts';
import { parseIperf3Event } from './iperf3-json.ts';
import type { Direction, FullIperf3Options } from './iperf3-options.ts';
import { type Iperf3Report, type Iperf3Role, outOfOrder, parseIperf3Line } from './iperf3-output.ts';
import { can, type Iperf3Version } from './iperf3-version.ts';

export type EndName = 'client' | 'server';

/** How long the client tries to reach the server. */
export const CONNECT_MS = 8000;

/** Of which direction an end has a role. */
export function directionOf(end: EndName, role: Iperf3Role): Direction {
  return (end === 'server') === (role === 'receiver') ? 'up' : 'down';
}

/** How an end prints what it does. */
function format(version: Iperf3Version): string {
  return can(version, 'json-stream') ? '--json-stream' : '-f k --forceflush';
}

/**
 * Ends with its one test. What says that it listens is, in text form, its first line; in JSON form nothing, so it is looked for
 * among the sockets of its namespace.
 */
export function serverCommand(
  { server, intervalS }: FullIperf3Options,
  port: number,
  version: Iperf3Version,
): string {
  const command = `exec iperf3 -s -1 -p ${port} -i ${intervalS} ${format(version)} 2>&1`;
  return inNamespace(server.namespace, command);
}

/** Resolves - by ending - when somebody listens at the port; its exit code says whether that was in time. */
export function listensCommand({ server }: FullIperf3Options, port: number, seconds: number): string {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const look = `cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q '${local}.* 0A '`;
  return inNamespace(
    server.namespace,
    `n=0; until ${look}; do n=$((n + 1)); [ $n -lt ${seconds * 10} ] || exit 1; sleep 0.1 || exit 1; done`,
  );
}

/** Throws ConfigError for an address that is none. */
export function clientCommand(options: FullIperf3Options, port: number, version: Iperf3Version): string {
  const { server, client, protocol, direction, rateBps, durationS, intervalS, parallel, omitS } = options;
  const { windowBytes, mssBytes, dscp } = options;
  if (!/^[\w.:-]+$/.test(server.address) || server.address.startsWith('-'))
    throw new ConfigError(`"${server.address}" is no address for iperf3`, { code: 'bad-address' });
  const words = [
    `exec iperf3 -c ${server.address} -p ${port} -t ${durationS} -i ${intervalS} ${format(version)}`,
    `--connect-timeout ${CONNECT_MS}`,
    ...(protocol === 'udp' ? ['-u'] : []),
    ...(rateBps === undefined ? [] : [`-b ${Math.round(rateBps)}`]),
    ...(direction === 'down' ? ['-R'] : direction === 'both' ? ['--bidir'] : []),
    ...(parallel === 1 ? [] : [`-P ${parallel}`]),
    ...(omitS === 0 ? [] : [`-O ${omitS}`]),
    ...(windowBytes === undefined ? [] : [`-w ${windowBytes}`]),
    ...(mssBytes === undefined ? [] : [`-M ${mssBytes}`]),
    ...(dscp === undefined ? [] : [`--dscp ${dscp}`]),
    '2>&1',
  ];
  return inNamespace(client.namespace, words.join(' '));
}

/** How many streams a line of the client says are connected: its event `start` names all, in text form each has a line. */
export function connectedIn(line: string): number {
  if (line.startsWith('{')) return line.match(/"local_port":/g)?.length ?? 0;
  return /^\[\s*\d+\](?:\[[TR]X-C\])? local .* connected to /.test(line) ? 1 : 0;
}

/** Reads what an end prints. */
export class EndReader {
  readonly #end: EndName;
  readonly #direction: Direction | 'both';
  readonly #parallel: number;
  readonly #json: boolean;

  constructor(
    end: EndName,
    { direction, parallel }: Pick<FullIperf3Options, 'direction' | 'parallel'>,
    version: Iperf3Version,
  ) {
    this.#end = end;
    this.#direction = direction;
    this.#parallel = parallel;
    this.#json = can(version, 'json-stream');
  }

  read(line: string): Iperf3Report[] {
    return this.#json ? parseIperf3Event(line) : this.#readText(line);
  }

  #readText(line: string): Iperf3Report[] {
    const late = outOfOrder(line);
    if (late !== null) return [{ kind: 'end', outOfOrder: late }];
    const parsed = parseIperf3Line(line);
    // Of parallel streams the sum counts; of one there is none.
    if (!parsed || (this.#parallel > 1 && parsed.stream !== 'SUM')) return [];
    const { interval, summary, omitted } = parsed;
    const role = parsed.role ?? this.#role;
    // Each end prints the summaries of both; it has counted its own.
    if (summary) return summary === role ? [{ kind: 'summary', role, interval }] : [];
    return [{ kind: 'interval', role, interval, omitted }];
  }

  /** Where traffic goes in one direction. */
  get #role(): Iperf3Role {
    return directionOf(this.#end, 'receiver') === this.#direction ? 'receiver' : 'sender';
  }
}
