import type { ReceiverKind } from './receiver.ts';
import { alertmanager } from './receivers/alertmanager.ts';
import { email } from './receivers/email.ts';
import { webhook } from './receivers/webhook.ts';

/** Every kind of receiver. */
export const receiverKinds: readonly ReceiverKind[] = [alertmanager, webhook, email];
