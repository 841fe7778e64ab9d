/** Failures that are made on virtual boards, to prove that a soak finds them, and whom it blames. */
import type { SOAK_CRITERIA } from '../../verdict/soak/criteria.ts';
import type { Verdict } from '../../verdict/verdict.ts';

/** A virtual board with an access point and a station, and traffic between them. */
export interface FaultBench {
  /** Runs a line of shell on the board and gives its output. Throws what running a command throws. */
  run(command: string): Promise<string>;
  power(action: 'freeze' | 'thaw'): Promise<void>;
  /** Plugs the cable of the board's management network, or unplugs it. */
  network(up: boolean): Promise<void>;
  /** Throws the station out. */
  deauthenticate(reason: number): Promise<void>;
  ap: { interface: string };
  station: { interface: string; namespace: string };
}

export interface Fault {
  /** A word. */
  name: string;
  title: string;
  /** Resolves when it is done. What it does to the SSH connection it may not wait for. */
  inject(bench: FaultBench): Promise<void>;
  /** Whether it really happened, asked after the soak; absent: the soak itself can't be told otherwise. */
  fired?(bench: FaultBench): Promise<boolean>;
  /** Takes away what it has put there. */
  undo?(bench: FaultBench): Promise<void>;
  /** The board is of no use after it, and has to be switched off. */
  lasting?: true;
  expected: {
    verdict: Verdict;
    /** Any of them breaks first; none: nothing breaks. */
    first: readonly (typeof SOAK_CRITERIA)[number][];
    /** In what the verdict says, or what came before: whose fault it was. */
    blames: RegExp;
  };
}

/** In the namespace of the station. */
export function there({ station }: FaultBench, command: string): string {
  return `ip netns exec ${station.namespace} ${command}`;
}
