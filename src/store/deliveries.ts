import type { Delivery, DeliveryAttempt } from '../domain/delivery.ts';
import { ConversionError } from '../domain/errors.ts';
import { type Collections, insertIfAbsent, translateFaults } from './mongo.ts';

export type DeliveryRepository = ReturnType<typeof createDeliveryRepository>;

/** Webhook deliveries with every attempt that was made. */
export function createDeliveryRepository({ deliveries }: Pick<Collections, 'deliveries'>) {
  return translateFaults({
    async get(id: string): Promise<Delivery> {
      const delivery = await deliveries.findOne({ _id: id });
      if (!delivery) throw new ConversionError('NOT_FOUND', 'There is no such delivery.');
      return delivery;
    },

    insertIfAbsent: (delivery: Delivery) => insertIfAbsent(deliveries, delivery),

    /** A repeat of the same attempt number (its first reply was lost) is written once. */
    async recordAttempt(id: string, attempt: DeliveryAttempt, state: Delivery['state']): Promise<void> {
      await deliveries.updateOne(
        { _id: id, 'attempts.number': { $ne: attempt.number } },
        { $push: { attempts: attempt }, $set: { state } },
      );
    },
  });
}
