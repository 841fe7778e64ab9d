/** One exchange with an MQTT broker, by the mqtt package. */
import type { MqttClient } from 'mqtt';
import { LabError, messageOf } from '../../errors.ts';

export interface MqttTarget {
  /** For messages. */
  name: string;
  broker: string;
  user: string | undefined;
  password: () => string | undefined;
}

const ANSWER_MS = 10_000;

/** Resolves when the broker has taken it (QoS 1). */
export async function mqttPublish(
  target: MqttTarget,
  topic: string,
  payload: string,
  signal: AbortSignal,
): Promise<void> {
  await exchange(
    target,
    signal,
    async (client) => void (await client.publishAsync(topic, payload, { qos: 1 })),
  );
}

/** The next message on a topic, a retained one included; `ask` is published once it is subscribed to. */
export async function mqttRead(
  target: MqttTarget,
  topic: string,
  ask: { topic: string; payload: string } | undefined,
  signal: AbortSignal,
): Promise<string> {
  return await exchange(target, signal, async (client) => {
    const said = new Promise<string>((resolve) => {
      client.on('message', (from, payload) => {
        if (from === topic) resolve(payload.toString());
      });
    });
    await client.subscribeAsync(topic, { qos: 1 });
    if (ask) await client.publishAsync(ask.topic, ask.payload, { qos: 1 });
    return await said;
  });
}

async function exchange<T>(
  target: MqttTarget,
  signal: AbortSignal,
  work: (client: MqttClient) => Promise<T>,
): Promise<T> {
  // Loaded by those labs alone that have such a switch.
  const { default: mqtt } = await import('mqtt');
  signal.throwIfAborted();
  const { name, broker, user, password } = target;
  const secret = password();
  const client = mqtt.connect(broker, {
    reconnectPeriod: 0,
    connectTimeout: ANSWER_MS,
    ...(user === undefined ? {} : { username: user }),
    ...(secret === undefined ? {} : { password: secret }),
  });
  const deadline = AbortSignal.timeout(ANSWER_MS);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const leave = () => reject(signal.reason);
  const late = () => reject(new Error(`no answer within ${ANSWER_MS / 1000} s`));
  signal.addEventListener('abort', leave, { once: true });
  deadline.addEventListener('abort', late, { once: true });
  client.on('error', reject);
  client.on('connect', () => void work(client).then(resolve, reject));
  client.on('close', () => reject(new Error('the broker closed the connection')));
  try {
    return await promise;
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new LabError(`${name} can't be used: ${messageOf(cause)}`, {
      code: 'switch-unreachable',
      hint: 'check broker, user, password and topics in the lab file',
      cause,
    });
  } finally {
    signal.removeEventListener('abort', leave);
    deadline.removeEventListener('abort', late);
    // What comes of its end is of no interest any more.
    client.on('error', () => undefined);
    await client.endAsync(true);
  }
}
