import { z } from 'zod';
import { duration } from '../../config/fields.ts';
export const PowerPolicy = z.strictObject({ minOff: duration.optional() });
