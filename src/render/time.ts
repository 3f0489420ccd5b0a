/** Times of day as tcpdump prints them, local time zone, and RFC 3339 for JSON. Caches the last second. */

const nsInSecond = 1_000_000_000n;

let cachedSecond = -1n;
let cachedText = '';
let cachedIsoSecond = -1n;
let cachedIso = '';

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** `HH:MM:SS.micros` in local time. */
export function timeOfDay(wallNs: bigint): string {
  const second = wallNs / nsInSecond;
  if (second !== cachedSecond) {
    const date = new Date(Number(second) * 1000);
    cachedSecond = second;
    cachedText = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.`;
  }
  return cachedText + String(Number(wallNs % nsInSecond) / 1000 + 1_000_000).slice(1, 7);
}

/** `YYYY-MM-DD` in local time. */
export function localDate(wallNs: bigint): string {
  const date = new Date(Number(wallNs / 1_000_000n));
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** RFC 3339 in UTC with nanoseconds. */
export function rfc3339(wallNs: bigint): string {
  const second = wallNs / nsInSecond;
  if (second !== cachedIsoSecond) {
    cachedIsoSecond = second;
    cachedIso = new Date(Number(second) * 1000).toISOString().slice(0, 20);
  }
  return `${cachedIso}${String(Number(wallNs % nsInSecond) + 1_000_000_000).slice(1)}Z`;
}
