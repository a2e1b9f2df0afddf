import type { Desk } from './desk.svelte';

export type Total = { people: number; capacity: number; seen: number; blind: number };

/** People on the whole site. Zones that nobody sees are named, and left out of the sum. */
export function totalOf(desk: Desk): Total {
  const total = { people: 0, capacity: 0, seen: 0, blind: 0 };
  for (const zone of desk.site.zones) {
    total.capacity += zone.capacity;
    const people = desk.zoneCard(zone.id)?.occupancy;
    if (people === undefined) total.blind += 1;
    else {
      total.seen += 1;
      total.people += people;
    }
  }
  return total;
}
