/** Spans of time as a person writes them. */

const units: readonly (readonly [ns: number, name: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/** `850 ns`, `3.1 µs`, `12 ms`: two digits are what a run of packets can tell. */
export function durationText(ns: number): string {
  const [size, name] = units.find(([unit]) => ns >= unit * 0.9995) ?? [1, 'ns'];
  const value = ns / size;
  return `${value < 9.95 && size > 1 ? value.toFixed(1) : Math.round(value)} ${name}`;
}
