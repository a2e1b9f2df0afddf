import type { Series } from './api';
import { LEVELS, type Level } from './room';

export type Rule = {
  raise_at: Partial<Record<Level, number>>;
  clear_below: number;
  hold_s: number;
  clear_hold_s: number;
};
export type Warned = { zone: string; level: Level; from: number; to: number };

/** Rehearsals read one-minute highs: what is shorter than a minute counts as a minute. */
export const STEP_S = 60;

/**
 * What a threshold rule would have warned of in a zone's past. A minute without a reading holds
 * everything where it is: missing is neither above nor below.
 */
export function rehearse(zone: string, series: Series, rule: Rule, scale = 1): Warned[] {
  const limits = LEVELS.flatMap((level) => {
    const value = rule.raise_at[level];
    return value === undefined ? [] : [{ level, value: value * scale }];
  });
  const found: Warned[] = [];
  if (!limits.length) return found;
  const clear = limits[0]!.value - rule.clear_below * scale;
  let open: Warned | null = null;
  let below = 0;
  const above = new Map<Level, number>();
  for (const point of series.points) {
    const at = Date.parse(point.at);
    for (const { level, value } of limits) {
      above.set(level, point.high >= value ? (above.get(level) ?? 0) + STEP_S : 0);
    }
    const raised = limits.filter(({ level }) => (above.get(level) ?? 0) >= Math.max(rule.hold_s, 1)).at(-1);
    if (raised) {
      if (!open) {
        open = { zone, level: raised.level, from: at, to: at };
        found.push(open);
      } else if (LEVELS.indexOf(raised.level) > LEVELS.indexOf(open.level)) open.level = raised.level;
    }
    below = point.high < clear ? below + STEP_S : 0;
    if (open) {
      open.to = at;
      if (below >= rule.clear_hold_s) open = null;
    }
  }
  return found;
}
