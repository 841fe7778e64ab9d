/** What is said between the controller and the thread in which the air is. Types only: both are of one program. */
import type { WireError } from '../../rpc/schema.ts';
import type { AirCount, AirOptions, HearingChange } from './options.ts';

/** A radio of a board that joins. */
export interface JoiningRadio {
  /** `vb1/wlan0`. */
  name: string;
  /** By which its kernel knows it: 12 hexadecimal digits. */
  key: string;
}

export interface Joining {
  board: string;
  /** QEMU's socket of the board's port. */
  socket: string;
  radios: JoiningRadio[];
}

export interface AirRequests {
  /** Connects to the board's port: only then can its agent open it. */
  connect: { params: Joining; result: null };
  /** With the agent at work: the board's radios send into this air from now on. */
  register: { params: { board: string }; result: null };
  leave: { params: { board: string }; result: null };
  set: { params: HearingChange; result: null };
  jam: { params: { frequencyMhz: number | null; powerDbm: number | null }; result: null };
  deauthenticate: { params: { from: string; to: string; reason: number }; result: null };
  capture: { params: { path: string | null }; result: { left: number } };
  counts: { params: null; result: AirCount[] };
}

export type AirRequest = keyof AirRequests;

/** To the thread. */
export interface ToAir {
  id: number;
  request: AirRequest;
  params: AirRequests[AirRequest]['params'];
}

/** From the thread: an answer, or a board that was lost. */
export type FromAir =
  | { id: number; result: AirRequests[AirRequest]['result'] }
  | { id: number; error: WireError }
  | { lost: { board: string; why: string } };

/** What the thread is started with. */
export interface AirThread {
  options: AirOptions;
}
