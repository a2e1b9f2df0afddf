import { api } from './api';
import { midnight } from './day';
import type { Desk } from './desk.svelte';
import type { Words } from './room';

export type ForecastPoint = { at: string; density_p_m2: number; low: number; high: number };
export type DayOutlook = {
  day: string;
  hour: number;
  visitors: number | null;
  low: number | null;
  high: number | null;
  present: number[];
  peak_from: number | null;
  peak_to: number | null;
  peak_people: number | null;
  peak_low: number | null;
  peak_high: number | null;
  holiday: string | null;
  events: Words[];
  history_days: number;
  notes: string[];
};
export type DayError = { day: string; hour: number; forecast: number; low: number; high: number; came: number };
export type ForecastError = {
  hour: number;
  days: number;
  wape: number | null;
  wape_last_week: number | null;
  peak_hit_1h: number | null;
  coverage_80: number | null;
};
export type AheadError = {
  minutes: number;
  samples: number;
  mae_p_m2: number | null;
  mae_unchanged_p_m2: number | null;
  coverage_80: number | null;
};
export type Outlook = {
  at: string;
  today: DayOutlook | null;
  tomorrow: DayOutlook | null;
  zones: Record<string, ForecastPoint[]>;
  errors: ForecastError[];
  days: DayError[];
  ahead: AheadError[];
};

const RELOAD_MS = 30_000;
/** The service renews it every minute; what is older than this is not shown as the future. */
export const OLD_AFTER_S = 600;

/** What is expected, kept fresh while somebody looks. */
export class Expected {
  told = $state.raw<Outlook | null>(null);
  step = $state<'loading' | 'ready' | 'early' | 'error'>('loading');
  problem = $state.raw<unknown>(null);
  #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Told and not grown old. */
  get fresh(): Outlook | null {
    return this.told && !this.#desk.isOld(this.told.at, OLD_AFTER_S) ? this.told : null;
  }

  async load(): Promise<void> {
    try {
      this.told = await api.getIfAny<Outlook>('/forecast');
      this.step = this.told ? 'ready' : 'early';
    } catch (error) {
      this.problem = error;
      if (!this.told) this.step = 'error';
    }
  }

  /** Load now and again until the answer is called. */
  follow(): () => void {
    void this.load();
    const timer = setInterval(() => {
      if (!document.hidden && this.#desk.live.state === 'live') void this.load();
    }, RELOAD_MS);
    return () => clearInterval(timer);
  }
}

/** The rest of a day's course: people expected at the middle of each hour to come, with bounds. */
export type Course = { at: number; people: number; low: number; high: number }[];

export function courseOf(day: DayOutlook, nowMs: number, timezone: string): Course {
  const start = midnight(nowMs, timezone) / 1000;
  // The bounds of the day hold its course as they hold its peak.
  const top = day.peak_people || 1;
  const [low, high] = [(day.peak_low ?? top) / top, (day.peak_high ?? top) / top];
  return day.present.flatMap((people, hour) => {
    const at = start + (hour + 0.5) * 3600;
    return hour < day.hour ? [] : [{ at, people, low: people * low, high: people * high }];
  });
}
