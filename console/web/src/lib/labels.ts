import { boxOf, middleOf, type Box } from './plan';
import type { Point } from './room';

/** The ground that a round mark covers, with its line. */
export function boxAround([x, y]: Point, radius: number): Box {
  const reach = radius + MARK_LINE_PX;
  return { x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach };
}

/** A zone to be named, in pixels of the screen, y downwards; the heaviest choose first. */
export type Label = {
  id: string;
  outline: Point[];
  /** Where the zone is widest: a name that fits into the zone stands there. */
  pole: Point;
  /** How wide its name is with all of its words, and with ever fewer. */
  widths: number[];
  height: number;
  weight: number;
};
/** Where a name stands, and which of its widths found room there. */
export type Spot = Box & { form: number };
type Room = { width: number; height: number };
type Ground = { of: Label; box: Box; rim: Point[] };

const GAP_PX = 4;
const MARK_LINE_PX = 2;
/** A name is about so many times as wide as it is high. */
const NAME_RATIO = 4;

let pen: CanvasRenderingContext2D | null = null;

/** How wide a text is drawn in the page's letters, as bold as names and numbers get. */
export function textWidth(text: string, font: number): number {
  pen ??= document.createElement('canvas').getContext('2d');
  if (!pen) return text.length * font;
  pen.font = `700 ${font}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

/**
 * What a name says where there is ever less room: all, itself, its number, nothing but its mark. Where a
 * warning stands, its word goes with the number, so that no colour is left without a word while there is room.
 */
export function formsOf([name, tail]: string[], level = ''): string[][] {
  if (name === undefined) return [[]];
  const warned = level ? [[level]] : [];
  return tail === undefined
    ? [[name], ...warned, []]
    : [[name, tail], [name], level ? [level, tail] : [tail], ...warned, []];
}

/**
 * Where the zones' names stand: in their zone where they fit, otherwise touching it, none covering
 * another, nor much of a zone, nor any of one that weighs more. Where that cannot be, a name has fewer words; the last form stands
 * on its zone. A zone that is not in the room has no name there. No name but such a last one lies over `marks`.
 */
export function spread(labels: Label[], room: Room, marks: Box[]): Map<string, Spot> {
  const grounds = labels.map((of) => ({ of, box: around(of.outline), rim: along(of.outline) }));
  const placed = new Map<string, Spot>();
  for (const ground of [...grounds].sort((a, b) => b.of.weight - a.of.weight)) {
    const spot = spotOf(ground, grounds, [...marks, ...placed.values()], room);
    if (spot) placed.set(ground.of.id, spot);
  }
  return placed;
}

function spotOf(mine: Ground, all: Ground[], taken: Box[], room: Room): Spot | null {
  const { pole, widths, height } = mine.of;
  const inRoom = mine.rim.filter(([x, y]) => x >= 0 && y >= 0 && x <= room.width && y <= room.height);
  if (inRoom.length === 0 && !holds(mine.of.outline, [room.width / 2, room.height / 2])) return null;
  for (const [form, width] of widths.entries()) {
    const free = [within(centred(pole, width, height), room), ...beside(inRoom, width, height)]
      .filter((box, order) => (order ? sitsIn(box, room) : fits(box, mine.of.outline)))
      .filter((box) => !taken.some((one) => overlap(box, one)));
    const best = cheapest(free, mine, all);
    if (best) return { ...best, form };
  }
  const form = widths.length - 1;
  return { ...within(centred(pole, widths[form] ?? 0, height), room), form };
}

/** The place that covers least and is nearest to the zone's middle; none that covers too much. */
function cheapest(boxes: Box[], mine: Ground, all: Ground[]): Box | null {
  let [best, least]: [Box | null, number] = [null, Infinity];
  for (const box of boxes) {
    const centre: Point = [box.x + box.width / 2, box.y + box.height / 2];
    let cost = distance(centre, mine.of.pole) / 4;
    const near = grown(box);
    const own = mine.rim.filter((at) => lies(at, near)).length;
    for (const one of all) {
      if (cost >= least) break;
      if (!overlap(near, one.box)) continue;
      const hidden = one.rim.filter((at) => lies(at, box)).length;
      const touched = one === mine ? 0 : one.rim.filter((at) => lies(at, near)).length;
      const most = one.of.weight > mine.of.weight ? 0 : one.rim.length / 4;
      // What stands closer to another zone reads as that one's name.
      cost += hidden > most || touched > own ? Infinity : 9 * hidden + 3 * touched;
    }
    if (cost < least) [best, least] = [box, cost];
  }
  return best;
}

/** Where a name may stand so that it touches one of these places: over, under, right and left of it. */
function beside(places: Point[], width: number, height: number): Box[] {
  return places.flatMap(([x, y]) => [
    { x: x - width / 2, y: y - height - GAP_PX, width, height },
    { x: x - width / 2, y: y + GAP_PX, width, height },
    { x: x + GAP_PX, y: y - height / 2, width, height },
    { x: x - width - GAP_PX, y: y - height / 2, width, height },
  ]);
}

/** The place inside an outline that has most room around it for a name. */
export function poleOf(outline: Point[]): Point {
  const squeezed = outline.map(([x, y]): Point => [x / NAME_RATIO, y]);
  const box = around(squeezed);
  const centre: Point = [box.x + box.width / 2, box.y + box.height / 2];
  let [best, most] = [middleOf(squeezed), -Infinity];
  let [middle, reach] = [centre, Math.max(box.width, box.height) / 2];
  for (let round = 0; round < 6; round++) {
    for (let step = 0; step < 169; step++) {
      const at: Point = [
        middle[0] + reach * ((step % 13) / 6 - 1),
        middle[1] + reach * (Math.floor(step / 13) / 6 - 1),
      ];
      if (!holds(squeezed, at)) continue;
      // Along a street it is as wide everywhere: its middle is meant.
      const space = Math.min(...sides(squeezed, (a, b) => away(at, a, b))) - distance(at, centre) / 50;
      if (space > most) [best, most] = [at, space];
    }
    [middle, reach] = [best, reach / 3];
  }
  return [best[0] * NAME_RATIO, best[1]];
}

/** Places along an outline, near enough to each other that no name slips between them. */
function along(outline: Point[]): Point[] {
  const whole = sides(outline, distance).reduce((sum, one) => sum + one, 0);
  const step = Math.max(whole / 40, 6);
  return sides(outline, (a, b) => {
    const parts = Math.max(1, Math.round(distance(a, b) / step));
    return Array.from({ length: parts }, (_, part): Point => [
      a[0] + ((b[0] - a[0]) * part) / parts,
      a[1] + ((b[1] - a[1]) * part) / parts,
    ]);
  }).flat();
}

function sides<T>(outline: Point[], each: (from: Point, to: Point) => T): T[] {
  return outline.map((from, at) => each(from, outline[(at + 1) % outline.length]!));
}

/** Whether a place lies inside an outline. */
function holds(outline: Point[], [x, y]: Point): boolean {
  const crossed = sides(outline, (a, b) => a[1] > y !== b[1] > y && x < a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]));
  return crossed.filter(Boolean).length % 2 === 1;
}

/** Whether a box lies inside an outline with all of it. */
function fits(box: Box, outline: Point[]): boolean {
  const rim = along([
    [box.x, box.y],
    [box.x + box.width, box.y],
    [box.x + box.width, box.y + box.height],
    [box.x, box.y + box.height],
  ]);
  return rim.every((at) => holds(outline, at)) && !outline.some((at) => lies(at, box));
}

function away(at: Point, a: Point, b: Point): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const share = ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / (dx * dx + dy * dy || 1);
  const inside = Math.min(Math.max(share, 0), 1);
  return distance(at, [a[0] + inside * dx, a[1] + inside * dy]);
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function around(points: Point[]): Box {
  const box = boxOf(points);
  return { ...box, y: -box.y - box.height };
}

function centred([x, y]: Point, width: number, height: number): Box {
  return { x: x - width / 2, y: y - height / 2, width, height };
}

function grown({ x, y, width, height }: Box): Box {
  return { x: x - 3 * GAP_PX, y: y - 3 * GAP_PX, width: width + 6 * GAP_PX, height: height + 6 * GAP_PX };
}

function lies([x, y]: Point, box: Box): boolean {
  return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
}

function sitsIn(box: Box, room: Room): boolean {
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= room.width && box.y + box.height <= room.height;
}

function within(box: Box, room: Room): Box {
  const keep = (at: number, size: number, all: number) =>
    Math.max(0, Math.min(at, Math.max(0, all - size)));
  return { ...box, x: keep(box.x, box.width, room.width), y: keep(box.y, box.height, room.height) };
}

function overlap(a: Box, b: Box): boolean {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return across > 0 && down > 0;
}
