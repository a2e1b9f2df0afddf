import type { Language, Theme } from './look.svelte';

export type View = 'all' | 'map' | 'people' | 'warnings';
export const VIEWS: View[] = ['map', 'people', 'warnings'];
const SHORTEST_TURN_S = 5;

export type WallPlan = {
  show: View;
  rotateS: number;
  language: Language | undefined;
  theme: Theme | undefined;
};

/**
 * What a wall's address asks for: `?show=map` stays with one view, `?rotate=20` turns through
 * all of them every 20 seconds; `language` and `theme` are this screen's.
 */
export function wallPlan(search: string): WallPlan {
  const asked = new URLSearchParams(search);
  const one = <T extends string>(name: string, known: readonly T[]): T | undefined =>
    known.find((value) => value === asked.get(name));
  const rotateS = Number(asked.get('rotate'));
  const turns = Number.isFinite(rotateS) && rotateS > 0;
  return {
    show: one('show', ['all', ...VIEWS] as const) ?? (turns ? 'map' : 'all'),
    rotateS: turns ? Math.max(SHORTEST_TURN_S, rotateS) : 0,
    language: one('language', ['zh', 'en'] as const),
    theme: one('theme', ['light', 'dark'] as const),
  };
}
