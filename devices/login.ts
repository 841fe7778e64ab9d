/** A login on the serial console as most Linux systems have it. */
import type { DeviceProfile } from './profile.ts';

export const LOGIN: DeviceProfile['console'] = {
  baudRate: 115200,
  loginPrompt: 'login: ',
  passwordPrompt: 'Password: ',
  user: 'root',
  password: null,
  bootTimeoutMs: 180_000,
};
