import { named, t } from './look.svelte';

const SWAPPED = /^Day off \(substituted from (\d+)\/(\d+)\/(\d+)\)$/;
const OBSERVED = / \(observed\)$/;

/** What the feasts of a day are called; one without a word in the catalogue has the calendar's own name. */
export function feast(holiday: string): string {
  return holiday.split('; ').map(called).join(' · ');
}

function called(name: string): string {
  const [, month, day, year] = SWAPPED.exec(name) ?? [];
  if (year) return t('holiday.swapped', { date: `${year}-${month}-${day}` });
  const feast = named('holiday', name.replace(OBSERVED, ''));
  return OBSERVED.test(name) ? t('holiday.observed', { feast }) : feast;
}
