const LONG_SIDE_PX = 1600;
const QUALITY = 0.8;

/** A photograph made small on the phone itself, for a bad line; its metadata stays behind. */
export async function smaller(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const shrink = Math.min(1, LONG_SIDE_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(picture.width * shrink);
  canvas.height = Math.round(picture.height * shrink);
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', QUALITY),
  );
}

/** An id that a repeat over a bad line carries along. */
export function freshId(prefix: string): string {
  // Over plain http, as on a site's own network, browsers have no randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}-${[...bytes].map((one) => one.toString(16).padStart(2, '0')).join('')}`;
}
