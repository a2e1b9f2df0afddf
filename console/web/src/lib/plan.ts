import type { Point, Site, ZoneCard } from './room';

export type Box = { x: number; y: number; width: number; height: number };

/** The smallest box around points, north up: y grows downwards as on the screen. */
export function boxOf(points: Point[]): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => -y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** The site's box with room around it for names. */
export function frameOf(site: Site): Box {
  const places = [...site.terminals, ...site.bollards].flatMap((one) => (one.at ? [one.at] : []));
  const box = boxOf([...site.zones.flatMap((zone) => zone.outline), ...places]);
  const side = Math.max(box.width, box.height, 1);
  const margin = side * 0.09;
  return {
    x: box.x - margin,
    y: box.y - margin * 0.7,
    width: box.width + 2 * margin,
    height: box.height + 1.4 * margin,
  };
}

/** The smallest convex outline around points: what a camera sees of the ground, as far as known. */
export function hullOf(points: Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: Point[]): Point[] => {
    const kept: Point[] = [];
    for (const point of ordered) {
      while (kept.length > 1 && turns(kept[kept.length - 2]!, kept[kept.length - 1]!, point) <= 0) {
        kept.pop();
      }
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

function turns(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

export function middleOf(points: Point[]): Point {
  const sum = points.reduce(([x, y], [px, py]) => [x + px, y + py], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** How far a bollard's mark reaches around its place, in metres of the plan. */
export const LANE_MARK_M = 3;

/** Hectares over the plan, named from the origin: E1-N1 lies north-east of it. */
export const CELL_M = 100;
export function cellName(x: number, y: number): string {
  const [column, row] = [Math.floor(x / CELL_M), Math.floor(y / CELL_M)];
  const across = column >= 0 ? `E${column + 1}` : `W${-column}`;
  return `${across}-${row >= 0 ? `N${row + 1}` : `S${-row}`}`;
}

export type Layer = 'density' | 'flow' | 'cameras' | 'terminals' | 'lanes' | 'problems' | 'grid';
export const LAYERS: Layer[] = [
  'density',
  'flow',
  'cameras',
  'terminals',
  'lanes',
  'problems',
  'grid',
];

/** The class of a density, in whole people per m²: drawn darker, and written as a number too. */
export function densityStep(value: number): number {
  return Math.min(5, Math.max(0, Math.floor(value)));
}

export function path(outline: Point[]): string {
  return `M${outline.map(([x, y]) => `${x} ${-y}`).join('L')}Z`;
}

/** A round number of metres that spans up to a third of the frame. */
export function scaleBar(width: number): number {
  const wanted = width / 3;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [5, 2, 1].map((n) => n * power).find((n) => n <= wanted) ?? power;
}

/** How a zone is drawn: by its level, calm, or unseen where nobody looks. */
export function levelOf(card: ZoneCard | undefined): string {
  if (card?.level) return card.level;
  return !card || card.sight === 'blind' ? 'unseen' : 'calm';
}
