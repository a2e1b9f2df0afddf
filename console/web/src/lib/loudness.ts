import { rank, type Level } from './room';

/** A part of the day, by the site's own time, in which terminals speak softly below a level. */
export type QuietHours = {
  start: string;
  end: string;
  days: number[];
  volume_most: number;
  loud_from: Level;
};

/** How loud a message is told at a moment; `until` is when the quiet hours that hold it end. */
export type Loudness = { volume: number; until: string | null };

/** The weekday, 1 for Monday, and the time of day of a moment at the site. */
function localOf(at: number, timezone: string): { day: number; time: string } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  const day = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(part('weekday')) + 1;
  return { day, time: `${part('hour')}:${part('minute')}:${part('second')}` };
}

/** Whether quiet hours hold; over midnight they belong to the day on which they began. */
function holds(hours: QuietHours, day: number, time: string): boolean {
  const on = (one: number) => !hours.days.length || hours.days.includes(one);
  const overMidnight = hours.end <= hours.start;
  if (time >= hours.start && (overMidnight || time < hours.end)) return on(day);
  return overMidnight && time < hours.end && on(((day + 5) % 7) + 1);
}

/** The volume that a message of a level gets now where this one is wanted: the strictest counts. */
export function loudness(
  volume: number,
  level: Level,
  quiet: QuietHours[],
  now: number,
  timezone: string,
): Loudness {
  const { day, time } = localOf(now, timezone);
  const [strictest] = quiet
    .filter((one) => rank(level) < rank(one.loud_from) && holds(one, day, time))
    .sort((a, b) => a.volume_most - b.volume_most);
  if (!strictest || strictest.volume_most >= volume) return { volume, until: null };
  return { volume: strictest.volume_most, until: strictest.end.slice(0, 5) };
}
