import { named, t } from './look.svelte';
import type { Watching } from './watching.svelte';

/** What is said beside a camera's film: how it stands with the picture. */
export function sayingOf(watching: Watching): string {
  if (watching.unplayable) return t('watch.stills');
  if (watching.phase === 'gone') return t('watch.gone', { reason: named('blind', watching.reason) });
  if (watching.phase === 'lost') return t('watch.lost');
  return watching.phase === 'playing' ? t('watch.playing') : t('watch.connecting');
}
