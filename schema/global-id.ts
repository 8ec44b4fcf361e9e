import { decodeGlobalID } from '@pothos/plugin-relay';
import { KilnError } from '../src/domain/errors.ts';
import { isId } from '../src/domain/id.ts';

/** The objects whose `id` is a global one. */
type IdentifiedType = 'Job' | 'Batch' | 'File' | 'Upload' | 'WebhookEndpoint' | 'WebhookDelivery';

const NODE_TYPES: readonly string[] = [
  'Job',
  'Batch',
  'File',
  'WebhookEndpoint',
  'WebhookDelivery',
] satisfies IdentifiedType[];

/** Reads the id of anything that `node` can return. @throws KilnError INVALID_INPUT */
export function decodeNodeId(globalId: string): { typename: string; id: string } {
  const decoded = decode(globalId);
  if (!decoded || !NODE_TYPES.includes(decoded.typename))
    throw refused('id', `Node (${NODE_TYPES.join(', ')})`);
  return decoded;
}

/** Reads an argument that names one object, by its global id or bare UUID, as the UUID. @throws KilnError INVALID_INPUT */
export function uuidOf(type: IdentifiedType, value: string, field: string): string {
  if (isId(value)) return value;
  const decoded = decode(value);
  if (decoded?.typename !== type) throw refused(field, type);
  return decoded.id;
}

function decode(globalId: string): { typename: string; id: string } | null {
  try {
    const decoded = decodeGlobalID(globalId);
    return isId(decoded.id) ? decoded : null;
  } catch {
    return null;
  }
}

function refused(field: string, type: string): KilnError {
  return new KilnError('INVALID_INPUT', `This is not the id of a ${type}.`, {
    field,
    hint: 'Send an id exactly as Kiln returned it.',
  });
}
