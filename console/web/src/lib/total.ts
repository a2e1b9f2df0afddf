import type { Desk } from './desk.svelte';
import type { ZoneCard } from './room';

/** A zone's number, or a sum of such, is no longer of this moment after so many seconds. */
export const STALE_S = 10;

/** `least`: some zones are blind, or known from below only. A sum is as old as its oldest part: `seenAt`. */
export type Total = {
  people: number;
  capacity: number;
  seen: number;
  blind: number;
  least: boolean;
  seenAt: string | undefined;
};

/** People on the whole site. Zones that nobody sees are named, and left out of the sum. */
export function totalOf(desk: Desk): Total {
  const total: Total = { people: 0, capacity: 0, seen: 0, blind: 0, least: false, seenAt: undefined };
  for (const zone of desk.site.zones) {
    total.capacity += zone.capacity;
    const card = desk.zoneCard(zone.id);
    const people = card?.occupancy ?? atLeast(card);
    if (people === undefined) total.blind += 1;
    else {
      total.seen += 1;
      total.people += people;
      const at = card?.seen_at;
      if (at && (!total.seenAt || Date.parse(at) < Date.parse(total.seenAt))) total.seenAt = at;
    }
    if (card?.occupancy === undefined) total.least = true;
  }
  return total;
}

/** How many are surely in a zone whose number is not known; nothing where that says nothing. */
export function atLeast(card: ZoneCard | undefined): number | undefined {
  return card?.occupancy === undefined && card?.occupancy_low ? card.occupancy_low : undefined;
}
