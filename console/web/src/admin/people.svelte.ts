import { api } from '../lib/api';
import type { Pair } from '../lib/homography';

export type Standing = { foot_px: [number, number]; head_px: [number, number]; height_m?: number };
export type PeopleThing = { marks: Standing[]; height_m?: number; spread_m?: number; view_deg?: number; mast_m?: number };
export type GroundThing = { width_px: number; height_px: number; points?: Pair[]; grid?: unknown; people?: PeopleThing };
export type Form = 'points' | 'grid' | 'people';
export type End = 'foot_px' | 'head_px';

/** What the service says of marks that are not saved yet. */
export type Tried = {
  problem?: string;
  detail?: string;
  placed?: boolean;
  upright?: boolean;
  mapping?: number[];
  places_m?: [number, number][];
  misses?: number[];
  set_aside?: number[];
  undecided?: boolean;
  height_error?: number;
  area_error?: number;
  mast_m?: number;
  pitch_deg?: number;
};

export const LEAST_PEOPLE = 4;
const PAUSE_MS = 400;

export function formOf(ground: GroundThing | undefined): Form {
  return ground?.people ? 'people' : ground?.grid ? 'grid' : 'points';
}

/** Asks the service, once the hand rests, what marks tell; an answer to older marks is dropped. */
export class Trying {
  tried = $state.raw<Tried | null>(null);
  /** Why the service did not even try them. */
  refused = $state.raw<unknown>(null);
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  ask(ground: GroundThing | null, stands: { at?: [number, number]; bearing_deg?: number }): void {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    if (!ground) {
      [this.tried, this.refused] = [null, null];
      return;
    }
    this.#timer = setTimeout(async () => {
      try {
        const tried = await api.send<Tried>('POST', '/admin/ground', { ground, ...stands });
        if (asked === this.#asked) [this.tried, this.refused] = [tried, null];
      } catch (failed) {
        if (asked === this.#asked) [this.tried, this.refused] = [null, failed];
      }
    }, PAUSE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked++;
  }
}
