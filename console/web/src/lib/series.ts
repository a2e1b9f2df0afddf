import type { Series } from './api';

export type Columns = [number[], ...(number | null)[][]];

const STEP_S = 10;

/**
 * Series as columns for the chart, on one grid of steps up to now. A step without a reading is
 * empty, so that blindness shows as a gap; a single missing step is bridged by nothing.
 */
export function columns(series: Series[], nowMs: number, minutes: number): Columns | null {
  if (series.every((one) => one.points.length === 0)) return null;
  const last = Math.floor(nowMs / 1000 / STEP_S) * STEP_S;
  const first = last - minutes * 60;
  const steps = (last - first) / STEP_S + 1;
  const times = Array.from({ length: steps }, (_, i) => first + i * STEP_S);
  const values = series.map((one) => {
    const column: (number | null)[] = Array.from({ length: steps }, () => null);
    for (const point of one.points) {
      const i = Math.round((Date.parse(point.at) / 1000 - first) / STEP_S);
      if (i >= 0 && i < steps) column[i] = point.mean;
    }
    return column;
  });
  return [times, ...values];
}
