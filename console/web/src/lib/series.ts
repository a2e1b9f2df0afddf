import type { Series } from './api';
import type { ForecastPoint } from './outlook.svelte';

export type Columns = [number[], ...(number | null)[][]];
export type Span = { minutes: number; stepS: number };

/** The hour; and, while a site is young, its first minutes drawn finely. */
export const HOUR: Span = { minutes: 60, stepS: 10 };
export const YOUNG: Span = { minutes: 10, stepS: 5 };

/** Longer looks back: a day and a week. */
export const DAY: Span = { minutes: 1440, stepS: 300 };
export const WEEK: Span = { minutes: 10_080, stepS: 1800 };

/** Whether everything there is happened within the young span. */
export function isYoung(series: Series[], nowMs: number): boolean {
  const first = Math.min(...series.flatMap((one) => (one.points[0] ? [Date.parse(one.points[0].at)] : [])));
  return Number.isFinite(first) && nowMs - first < (YOUNG.minutes - 1) * 60_000;
}

/**
 * Series as columns for the chart, on one grid of steps up to now. A step without a reading is
 * empty, so that blindness shows as a gap; nothing bridges it.
 */
export function columns(series: Series[], nowMs: number, span: Span): Columns | null {
  if (series.every((one) => one.points.length === 0)) return null;
  const { stepS } = span;
  const last = Math.floor(nowMs / 1000 / stepS) * stepS;
  const first = last - span.minutes * 60;
  const steps = (last - first) / stepS + 1;
  const times = Array.from({ length: steps }, (_, i) => first + i * stepS);
  const values = series.map((one) => {
    const column: (number | null)[] = Array.from({ length: steps }, () => null);
    for (const point of one.points) {
      const i = Math.round((Date.parse(point.at) / 1000 - first) / stepS);
      if (i >= 0 && i < steps) column[i] = point.mean;
    }
    return column;
  });
  return [times, ...values];
}

/** The chart's columns, and after them what is expected: its middle and both bounds, from the last mean on. */
export function withAhead(known: Columns, ahead: ForecastPoint[]): Columns {
  const [times, ...values] = known;
  const last = times[times.length - 1] ?? 0;
  const mean = values[0]?.[times.length - 1] ?? null;
  const later = ahead.filter((one) => Date.parse(one.at) / 1000 > last);
  const empty = later.map(() => null);
  const begins: (number | null)[] = times.map((_, at) => (at === times.length - 1 ? mean : null));
  const foretold = (['density_p_m2', 'low', 'high'] as const).map((name) => [...begins, ...later.map((one) => one[name])]);
  return [
    [...times, ...later.map((one) => Date.parse(one.at) / 1000)],
    ...values.map((column) => [...column, ...empty]),
    ...foretold,
  ];
}
