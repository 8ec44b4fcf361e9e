import { describe, expect, it } from 'vitest';
import {
  archiveFileId,
  callbackId,
  endpointSlots,
  eventDeliveryId,
  jobIdInBatch,
  ledgerEntryId,
  outputFileId,
  uploadIdOf,
  workflowId,
} from '../../src/domain/derived-ids.ts';
import { isId, newId } from '../../src/domain/id.ts';
import { ownerKey } from '../../src/domain/jobs/job.ts';

const PARENT = '019a0000-0000-7abc-8def-0123456789ab';

/** Written down by an earlier version: a data folder and Temporal hold ids that were made so. */
describe('an id that is stored', () => {
  it.each([
    ['job in a batch', jobIdInBatch(PARENT, 0), '019a0000-0000-7000-923b-176e123ace7c'],
    ['last job in a batch', jobIdInBatch(PARENT, 4095), '019a0000-0000-7fff-88c2-f3b238aa73b7'],
    ['upload of a job', uploadIdOf(PARENT), '019a0000-0000-7000-8b68-11178eb9e3b3'],
    ['output', outputFileId(PARENT, 0), 'aabf27c6-d722-5480-9bc6-488dcece64d1'],
    ['archive', archiveFileId(PARENT), '5e981542-f163-5d07-9b9c-fe8d6e3c75f8'],
    ['callback', callbackId(PARENT), 'dc1fe4f3-0390-519a-865f-0c847bf84647'],
    [
      'delivery of an event',
      eventDeliveryId(PARENT, { type: 'job.ready', subjectId: PARENT }),
      '7f8403f5-9a4d-5ac2-8655-7a689c5a8cd6',
    ],
    [
      'delivery of one of several events',
      eventDeliveryId(PARENT, { type: 'endpoint.disabled', subjectId: PARENT, cause: '7' }),
      '8f6baba8-5f43-520c-81ae-3f5751fa9284',
    ],
    ['movement of credits', ledgerEntryId(PARENT, 'hold', '1'), `${PARENT}:hold:1`],
    ['place of an endpoint', endpointSlots(PARENT).slice(0, 2).join(), `${PARENT}:0,${PARENT}:1`],
    ['owner with an account', ownerKey({ accountId: PARENT }), `account:${PARENT}`],
    ['owner who is a guest', ownerKey({ guestId: PARENT }), `guest:${PARENT}`],
    ['workflow of a job', workflowId.job(PARENT), `job:${PARENT}`],
    ['workflow of a batch', workflowId.batch(PARENT), `batch:${PARENT}`],
    ['workflow of a delivery', workflowId.delivery(PARENT), `delivery:${PARENT}`],
  ])('of a %s is the one of earlier versions', (_what, id, earlier) => {
    expect(id).toBe(earlier);
  });
});

it('ids that are derived are the same for the same name and parent only', () => {
  expect(outputFileId(PARENT, 1)).not.toBe(outputFileId(PARENT, 0));
  expect(archiveFileId(PARENT)).not.toBe(callbackId(PARENT));
  expect(archiveFileId(PARENT)).not.toBe(archiveFileId(newId()));
});

it('jobs of a batch have ids of the same moment, each its own, in their order', () => {
  const siblings = [0, 1, 15, 16, 4095].map((index) => jobIdInBatch(PARENT, index));
  expect(siblings.every(isId)).toBe(true);
  expect(siblings.map((id) => id.slice(0, 18))).toEqual(
    ['000', '001', '00f', '010', 'fff'].map((order) => `019a0000-0000-7${order}`),
  );
  expect(siblings.toSorted()).toEqual(siblings);
  expect(uploadIdOf(PARENT)).not.toBe(siblings[0]);
  expect(jobIdInBatch(newId(), 1)).not.toBe(siblings[1]);
});
