/** Writes the body of a message by Standard Webhooks: what happened, when, and what it happened to. */
export function standardBody(type: string, data: object, at: Date): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}
