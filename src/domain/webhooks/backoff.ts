/**
 * Returns the seconds to wait by a Retry-After header, which is a number of seconds or an HTTP date
 * (RFC 9110, 10.2.3); 0 for a date that is past, undefined when it is neither.
 */
export function retryAfterSeconds(header: string | undefined, now: Date): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value);
  // Every form of an HTTP date begins with a weekday; Date.parse alone would accept "-5" and "1.5".
  if (!/^[A-Z][a-z]{2}/.test(value)) return undefined;
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - now.getTime()) / 1000));
}
