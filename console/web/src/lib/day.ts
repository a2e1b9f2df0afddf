import type { Series } from './api';
import type { Course } from './outlook.svelte';

/** The day's people on site, step by step: `whole` where every zone is seen, `least` where not. */
export type Day = {
  times: number[];
  whole: (number | null)[];
  least: (number | null)[];
};

/**
 * The sum of the zones' people on one grid of steps. A step that some zones are missing from is
 * only a lower bound, and a step without any reading is empty: missing is never zero.
 */
export function dayOf(zones: Series[], startMs: number, endMs: number, stepS: number): Day | null {
  const first = Math.floor(startMs / 1000 / stepS) * stepS;
  const steps = Math.floor((endMs / 1000 - first) / stepS) + 1;
  const sums = Array.from({ length: steps }, () => ({ people: 0, seen: 0 }));
  for (const zone of zones) {
    for (const point of zone.points) {
      const sum = sums[Math.round((Date.parse(point.at) / 1000 - first) / stepS)];
      if (!sum) continue;
      sum.people += point.mean;
      sum.seen += 1;
    }
  }
  if (!sums.some((sum) => sum.seen)) return null;
  return {
    times: sums.map((_, i) => first + i * stepS),
    whole: sums.map((sum) => (sum.seen === zones.length ? sum.people : null)),
    least: sums.map((sum) => (sum.seen > 0 && sum.seen < zones.length ? sum.people : null)),
  };
}

type Column = (number | null)[];

/**
 * The day's columns for the chart: time, people, at least so many, capacity; then, up to midnight
 * where a course is foretold, the forecast with its low and high.
 */
export function withCourse(
  day: Day,
  course: Course,
  capacity: number,
): [number[], Column, Column, Column, Column, Column, Column] {
  const first = day.times[0] ?? 0;
  const known = day.times.length;
  const stepS = (day.times[1] ?? first + 300) - first;
  const end = course.length ? course[course.length - 1]!.at + 1800 : 0;
  const rest = Math.max(0, Math.floor((end - first) / stepS) + 1 - known);
  const times = [...day.times, ...Array.from({ length: rest }, (_, i) => first + (known + i) * stepS)];
  const nothing = (): Column => Array.from({ length: times.length }, () => null);
  const longer = (column: Column): Column => [...column, ...Array.from({ length: rest }, () => null)];
  const [people, low, high] = [nothing(), nothing(), nothing()];
  for (const one of course) {
    const at = Math.round((one.at - first) / stepS);
    if (at < 0 || at >= times.length) continue;
    [people[at], low[at], high[at]] = [one.people, one.low, one.high];
  }
  return [times, longer(day.whole), longer(day.least), times.map(() => capacity), people, low, high];
}

/** When the day began at the site: its last midnight, in ms. */
export function midnight(nowMs: number, timezone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(nowMs);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return nowMs - ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000;
}
