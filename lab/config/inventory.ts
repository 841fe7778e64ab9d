/** What is plugged into this machine that a lab could be made of. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface SerialPortFound {
  /** By-path where udev made one: it stays the same however the adapters are counted. */
  path: string;
  device: string;
  /** Manufacturer and product of the adapter, where known. */
  product: string;
}

export interface UsbHub {
  /** As uhubctl names it, such as `1-1.4`. */
  location: string;
  product: string;
  ports: number;
}

export interface Inventory {
  serialPorts: SerialPortFound[];
  hubs: UsbHub[];
}

/** Looks below `root` (`/` but in tests). What is not there is not found; nothing is opened. */
export function takeInventory(root = '/'): Inventory {
  return { serialPorts: serialPorts(root), hubs: usbHubs(root) };
}

function serialPorts(root: string): SerialPortFound[] {
  const links = join(root, 'dev/serial/by-path');
  const found = names(links).map((name) => {
    const device = basename(readlinkSync(join(links, name)));
    return {
      path: `/dev/serial/by-path/${name}`,
      device: `/dev/${device}`,
      product: productOf(root, device),
    };
  });
  const known = new Set(found.map(({ device }) => device));
  const others = names(join(root, 'dev'))
    .filter((name) => /^tty(?:USB|ACM)\d+$/.test(name) && !known.has(`/dev/${name}`))
    .map((name) => ({ path: `/dev/${name}`, device: `/dev/${name}`, product: productOf(root, name) }));
  // Of the two names that udev gives a USB port, the first says the same as the second.
  const seen = new Set<string>();
  return [...found, ...others].filter(({ device }) => !seen.has(device) && seen.add(device));
}

/** A tty of USB lies three or four folders below its device: `1-1.2/1-1.2:1.0/ttyUSB0/tty/ttyUSB0`. */
function productOf(root: string, tty: string): string {
  for (const up of ['device/../..', 'device/..']) {
    const dir = join(root, 'sys/class/tty', tty);
    const product = [text(`${dir}/${up}/manufacturer`), text(`${dir}/${up}/product`)].join(' ').trim();
    if (product !== '') return product;
  }
  return '';
}

/** External hubs: those of the machine itself (`usb1`) have no ports that anything hangs on. */
function usbHubs(root: string): UsbHub[] {
  const devices = join(root, 'sys/bus/usb/devices');
  return names(devices)
    .filter((name) => /^\d+-[\d.]+$/.test(name) && text(join(devices, name, 'bDeviceClass')) === '09')
    .map((name) => ({
      location: name,
      product: text(join(devices, name, 'product')) || 'USB hub',
      ports: Number(text(join(devices, name, 'maxchild')) || 0),
    }));
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return []; // no such folder: nothing of the kind is plugged in
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return ''; // not every device says it
  }
}
