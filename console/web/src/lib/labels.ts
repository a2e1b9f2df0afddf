import type { Box } from './plan';

/** A name to be put beside what it names, in pixels of the screen; the heaviest choose first. */
export type Label = { id: string; of: Box; width: number; height: number; weight: number };

const GAP_PX = 4;

/** How wide a text is drawn, without drawing it: Chinese letters are as wide as they are high. */
export function textWidth(text: string, font: number): number {
  const ems = [...text].reduce((sum, letter) => sum + (letter > '\u2e7f' ? 1 : 0.58), 0);
  return ems * font;
}

/** Where names stand so that none covers another, and as little of the plan as can be. */
export function spread(labels: Label[], room: { width: number; height: number }): Map<string, Box> {
  const placed = new Map<string, Box>();
  for (const label of [...labels].sort((a, b) => b.weight - a.weight)) {
    const spots = candidates(label).map((spot) => within(spot, room));
    const costs = spots.map(
      (spot, order) =>
        order * 20 +
        [...placed.values()].reduce((sum, one) => sum + 8 * shared(spot, one), 0) +
        // What is warned of must be seen: its ground is the last to be covered.
        labels.reduce((sum, one) => sum + Math.max(1, one.weight ** 2 / 2) * shared(spot, one.of), 0),
    );
    placed.set(label.id, spots[costs.indexOf(Math.min(...costs))]!);
  }
  return placed;
}

/** A tall thing is named beside it, a wide one above it, if there is room. */
function candidates({ of, width, height }: Label): Box[] {
  const middle = of.x + of.width / 2;
  const at = (x: number, y: number): Box => ({ x, y, width, height });
  const above = of.y - height - GAP_PX;
  const below = of.y + of.height + GAP_PX;
  const level = of.y + of.height / 2 - height / 2;
  const right = at(of.x + of.width + GAP_PX, level);
  const left = at(of.x - width - GAP_PX, level);
  const top = [
    at(middle - width / 2, above),
    at(of.x, above),
    at(of.x + of.width - width, above),
  ];
  const bottom = [
    at(middle - width / 2, below),
    at(of.x, below),
    at(of.x + of.width - width, below),
  ];
  const near = of.height > of.width ? [right, left, ...top, ...bottom] : [...top, ...bottom, right, left];
  // Where all that is taken, a row farther off.
  const far = [...top, ...bottom].map((one) => ({
    ...one,
    y: one.y + Math.sign(one.y - of.y) * (height + GAP_PX),
  }));
  return [...near, ...far];
}

function within(box: Box, room: { width: number; height: number }): Box {
  const keep = (at: number, size: number, all: number) =>
    Math.max(0, Math.min(at, Math.max(0, all - size)));
  return { ...box, x: keep(box.x, box.width, room.width), y: keep(box.y, box.height, room.height) };
}

function shared(a: Box, b: Box): number {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return across > 0 && down > 0 ? across * down : 0;
}
