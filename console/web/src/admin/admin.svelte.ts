import { api } from '../lib/api';
import type { Level, Point, Words } from '../lib/room';
import type { Named } from './named';
import type { GroundThing } from './people.svelte';

export type ZoneThing = {
  id: string;
  name: Words;
  outline: Point[];
  usable_area_m2: number;
  m2_per_visitor: number;
  mean_stay_min?: number;
  empty_at?: string;
};
export type CameraThing = {
  id: string;
  name: Words;
  url: string;
  zones?: string[];
  every_s?: number;
  ground?: GroundThing;
  at?: Point;
  bearing_deg?: number;
  marked?: { counted: number; heads: number; model?: string }[];
  correction_file?: string;
};
export type RuleThing = {
  id: string;
  signal: string;
  zones?: string[] | 'all';
  raise_at?: Partial<Record<Level, number>>;
  clear_below?: number;
  hold_s?: number;
  clear_hold_s?: number;
  text: Words;
};
export type PersonThing = { id: string; name: Named; roles: string[]; unit?: string };
export type KindThing = { id: string; name: Words; owner: Named; within_min?: Record<string, number> };
export type PlanThing = { id: string; hazard: string; level: Level; approval?: string; text: Words; cancel: Words; speech?: string; volume?: number };
export type Shift = { start: string; end: string; people: string[] };

export type SiteThings = {
  version: string;
  writable: boolean;
  zones: ZoneThing[];
  cameras: CameraThing[];
  rules: RuleThing[];
  people: PersonThing[];
  roster: Shift[];
  plans: PlanThing[];
  catalogue: KindThing[];
};

export type Saved = { saved: boolean; diff: string; version: string };

/** The site file as it is edited: what stands in it, and what the last change made of it. */
export class Admin {
  things = $state.raw<SiteThings | null>(null);
  problem = $state.raw<unknown>(null);
  last = $state.raw<Saved | null>(null);
  working = $state(false);

  async load(): Promise<void> {
    try {
      this.things = await api.get<SiteThings>('/admin/site');
      this.problem = null;
    } catch (error) {
      this.problem = error;
    }
  }

  /** Put one thing in its place; with `preview` only show what the file would become. */
  async put(path: string, value: unknown, preview = false): Promise<boolean> {
    return this.#send('PUT', path, { value, preview });
  }

  async remove(path: string): Promise<boolean> {
    return this.#send('DELETE', path, {});
  }

  async #send(method: string, path: string, form: Record<string, unknown>): Promise<boolean> {
    if (!this.things) return false;
    this.working = true;
    this.problem = null;
    try {
      this.last = await api.send<Saved>(method, `/admin/${path}`, { ...form, version: this.things.version });
      if (this.last.saved) await this.#again(this.last.version);
      return this.last.saved;
    } catch (error) {
      this.problem = error;
      return false;
    } finally {
      this.working = false;
    }
  }

  /** The service begins anew with the new file: ask until it answers with that version. */
  async #again(version: string): Promise<void> {
    for (let attempt = 0; attempt < 60; attempt++) {
      await this.load();
      if (!this.problem && this.things?.version === version) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
