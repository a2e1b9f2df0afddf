import type { Desk } from './desk.svelte';
import type { ZoneCard } from './room';

/** `least`: some zones are blind, or known from below only. */
export type Total = { people: number; capacity: number; seen: number; blind: number; least: boolean };

/** People on the whole site. Zones that nobody sees are named, and left out of the sum. */
export function totalOf(desk: Desk): Total {
  const total = { people: 0, capacity: 0, seen: 0, blind: 0, least: false };
  for (const zone of desk.site.zones) {
    total.capacity += zone.capacity;
    const card = desk.zoneCard(zone.id);
    const people = card?.occupancy ?? atLeast(card);
    if (people === undefined) total.blind += 1;
    else {
      total.seen += 1;
      total.people += people;
    }
    if (card?.occupancy === undefined) total.least = true;
  }
  return total;
}

/** How many are surely in a zone whose number is not known; nothing where that says nothing. */
export function atLeast(card: ZoneCard | undefined): number | undefined {
  return card?.occupancy === undefined && card?.occupancy_low ? card.occupancy_low : undefined;
}
