export type Pair = { px: number; py: number; x_m: number; y_m: number };
/** A projective map as nine numbers, row by row. */
export type Mapping = number[];

/**
 * The map from metres on the ground to pixels that fits four or more points best (least squares,
 * points scaled first so that no coordinate weighs more than another); none where they do not fit.
 */
export function fromGround(pairs: Pair[]): Mapping | null {
  if (pairs.length < 4) return null;
  const ground = scaling(pairs.map((one) => [one.x_m, one.y_m]));
  const picture = scaling(pairs.map((one) => [one.px, one.py]));
  const normal = Array.from({ length: 8 }, () => new Array<number>(9).fill(0));
  for (const one of pairs) {
    const [x, y] = scaled(ground, one.x_m, one.y_m);
    const [u, v] = scaled(picture, one.px, one.py);
    for (const [row, right] of [
      [[x, y, 1, 0, 0, 0, -u * x, -u * y], u],
      [[0, 0, 0, x, y, 1, -v * x, -v * y], v],
    ] as [number[], number][]) {
      for (let i = 0; i < 8; i++) {
        for (let j = 0; j < 8; j++) normal[i]![j]! += row[i]! * row[j]!;
        normal[i]![8]! += row[i]! * right;
      }
    }
  }
  const found = solved(normal);
  if (!found) return null;
  return product(product(inverse(picture), [...found, 1]), matrix(ground));
}

export function mapped(mapping: Mapping, x: number, y: number): [number, number] | null {
  const [a, b, c, d, e, f, g, h, i] = mapping as [number, number, number, number, number, number, number, number, number];
  const w = g * x + h * y + i;
  return w > 1e-9 ? [(a * x + b * y + c) / w, (d * x + e * y + f) / w] : null;
}

/** How far the map misses each point, in pixels. */
export function misses(mapping: Mapping, pairs: Pair[]): number[] {
  return pairs.map((one) => {
    const at = mapped(mapping, one.x_m, one.y_m);
    return at ? Math.hypot(at[0] - one.px, at[1] - one.py) : Infinity;
  });
}

type Scaling = { x: number; y: number; scale: number };

function scaling(points: [number, number][]): Scaling {
  const x = points.reduce((sum, one) => sum + one[0], 0) / points.length;
  const y = points.reduce((sum, one) => sum + one[1], 0) / points.length;
  const away = points.reduce((sum, one) => sum + Math.hypot(one[0] - x, one[1] - y), 0) / points.length;
  return { x, y, scale: away > 0 ? 1 / away : 1 };
}

function scaled(by: Scaling, x: number, y: number): [number, number] {
  return [(x - by.x) * by.scale, (y - by.y) * by.scale];
}

function matrix({ x, y, scale }: Scaling): Mapping {
  return [scale, 0, -x * scale, 0, scale, -y * scale, 0, 0, 1];
}

function inverse({ x, y, scale }: Scaling): Mapping {
  return [1 / scale, 0, x, 0, 1 / scale, y, 0, 0, 1];
}

function product(a: Mapping, b: Mapping): Mapping {
  return Array.from({ length: 9 }, (_, at) => {
    const [row, column] = [Math.floor(at / 3), at % 3];
    return a[3 * row]! * b[column]! + a[3 * row + 1]! * b[column + 3]! + a[3 * row + 2]! * b[column + 6]!;
  });
}

/** Eight equations with eight unknowns by elimination; none where they do not decide it. */
function solved(rows: number[][]): number[] | null {
  const n = rows.length;
  for (let at = 0; at < n; at++) {
    let best = at;
    for (let i = at + 1; i < n; i++) if (Math.abs(rows[i]![at]!) > Math.abs(rows[best]![at]!)) best = i;
    if (Math.abs(rows[best]![at]!) < 1e-10) return null;
    [rows[at], rows[best]] = [rows[best]!, rows[at]!];
    for (let i = 0; i < n; i++) {
      if (i === at) continue;
      const share = rows[i]![at]! / rows[at]![at]!;
      for (let j = at; j <= n; j++) rows[i]![j]! -= share * rows[at]![j]!;
    }
  }
  return rows.map((row, at) => row[n]! / row[at]!);
}
